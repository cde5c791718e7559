"""The scenes that come with the instrument."""
