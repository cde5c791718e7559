"""The error of a network that cannot be loaded."""

LONGEST = 600


class LoadError(Exception):
    """A file cannot be loaded. The message is one line: `file: what is wrong; the mend`.

    What a stranger's file says may stand in it, so it is kept printable and short.
    """

    def __init__(self, message: str) -> None:
        text = "".join(map(_printable, message))
        if len(text) > LONGEST:
            text = f"{text[: LONGEST - 200]} … {text[-190:]}"
        super().__init__(text)


def _printable(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]
