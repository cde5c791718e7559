"""The trained networks that come with the instrument, each with its card."""
