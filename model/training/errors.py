"""The error of a training that cannot go on."""


class TrainingError(Exception):
    """A training cannot start or go on. The message is one line: what, where; the mend."""
