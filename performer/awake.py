"""Keeps the screen on and the machine awake while a show plays."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from performer.console import say

if TYPE_CHECKING:
    from wakepy import ActivationResult

_ASLEEP = "screen: it may go dark, for nothing here keeps it on; turn sleep off in the system"


@contextlib.contextmanager
def kept_awake() -> Iterator[None]:
    """No screen saver and no sleep inside; where that cannot be had, one line says so.

    It ends with this process, however that ends: D-Bus (GNOME, KDE and others), ``caffeinate`` and
    Windows all let go of whoever is gone.
    """
    from wakepy import keep

    with keep.presenting(on_fail=_say_why):
        yield


def _say_why(_result: "ActivationResult") -> None:
    say(_ASLEEP)
