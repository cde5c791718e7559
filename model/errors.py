"""The error of a network that cannot be loaded."""


class LoadError(Exception):
    """A file cannot be loaded. The message is one line: `file: what is wrong; the mend`."""
