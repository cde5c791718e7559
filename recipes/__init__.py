"""The recipes of trainings that come with the instrument."""
