"""What is said to the person at the terminal."""

import sys


def say(line: str) -> None:
    """One line of what was asked for."""
    print(line, flush=True)  # noqa: T201


def warn(line: str) -> None:
    """One line about something that needs a look."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201
