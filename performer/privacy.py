"""Leaves out of a text what is nobody else's business."""

import re
from collections.abc import Sequence
from pathlib import Path

_TOKEN = re.compile(r"(token=)[\w.~-]+", re.IGNORECASE)
_LOGIN = re.compile(r"(://)[^/@\s'\"]+@")  # of an address: user and password
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_HOMES = re.compile(
    r"(/home/|/Users/)[^/\s'\":]+|[A-Za-z]:[\\/]+Users[\\/]+[^\\/'\":\n]+"  # Windows allows spaces
)


def without_tokens(text: str) -> str:
    """``text`` without what opens the page."""
    return _TOKEN.sub(r"\1…", text)


def redacted(text: str, homes: Sequence[Path] = ()) -> str:
    """``text`` as it may be shown to others.

    Tokens of the page, passwords in addresses and mail addresses become ``…``; home folders become
    ``~``: those in ``homes``, and whatever looks like one on Linux, macOS or Windows.
    """
    text = _LOGIN.sub(r"\1…@", without_tokens(text))
    text = _MAIL.sub("…", text)
    for home in homes:
        text = re.sub(rf"{re.escape(str(home))}(?=[/\\\s'\":;,)]|$)", "~", text)
    return _HOMES.sub("~", text)
