"""What each kind of part promises. A part is one file; its class is named by an entry point.

Every part has a nested ``Settings`` class (frozen, strict; its knobs become parameters), is made
from those settings, and is light to import: what is heavy or native loads in ``open()``. A library
that is not there is a :class:`~performer.errors.MissingPartError` from ``open()``. Any other
exception while playing lets the part rest: it is closed, said once, and opened again later. One
that is called inside the frame (condition, latent, bend, post) stays open: the frame goes on
without it, and it is asked again some frames later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from model.settings import Settings
from performer.clock import Moment
from performer.doors.frames import Frame

if TYPE_CHECKING:
    import torch

__all__ = [
    "Condition",
    "Controller",
    "Following",
    "Output",
    "Part",
    "Picture",
    "Post",
    "Settings",
    "Source",
]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture from a source: ``pixels`` [H, W, 3] uint8 RGB, never written again.

    ``number`` grows with every new picture of a source, ``captured`` is when it arrived by the
    monotonic clock (0: it was not captured but made; a file's arrive when their time has come).
    """

    pixels: npt.NDArray[np.uint8]
    number: int
    captured: float = 0.0


class Part(Protocol):
    """Anything that a scene names by its ``kind``."""

    Settings: ClassVar[type[Settings]]

    def __init__(self, settings: Any) -> None: ...

    def open(self) -> None:
        """Load what is native, take devices and files."""
        ...

    def close(self) -> None:
        """Give everything back; safe to call twice and without ``open``."""
        ...


class Source(Part, Protocol):
    """Where pictures come from; always called on one thread, which may wait for a device.

    One that does not come back from a call is left behind, and another of the same ``settings``
    takes its place.
    """

    settings: Any  # what it was made from
    live: bool  # a device with a time of its own (camera), not a file that is asked by time
    # Smaller than this (height, width) will do; set before ``open``, and again whenever the canvas
    # changes.
    cover: tuple[int, int] | None

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        """The picture that belongs to ``moment``; the same picture has the same ``number``.

        A file answers exactly for any moment that does not go back; a device gives its newest.
        """
        ...


class Condition(Part, Protocol):
    """What the encoder sees of a source picture."""

    def apply(self, picture: "torch.Tensor", values: Mapping[str, float]) -> "torch.Tensor":
        """[1, 3, H, W] in -1 … 1, to the same shape and range."""
        ...


class Post(Part, Protocol):
    """What happens to a picture after the network, still on the device.

    One may have ``neutral(values)``: whether these change nothing, so that it is left out.
    """

    def apply(self, picture: "torch.Tensor", values: Mapping[str, float]) -> "torch.Tensor":
        """[1, 3, H, W], nominally -1 … 1, to the same."""
        ...


@runtime_checkable
class Following(Protocol):
    """A condition or a post that graphs can replay on a graphics card, its knobs followed.

    One that does not is asked to ``apply``. Then a graph is made for each of its values that it
    reads; while they move, frames are painted without a graph.
    """

    Settings: ClassVar[type[Settings]]

    def follow(
        self, picture: "torch.Tensor", amounts: "torch.Tensor", values: Mapping[str, float]
    ) -> "torch.Tensor":
        """As ``apply``, by ``amounts``: one value per knob, in the order of ``Settings.knobs()``,
        on the device of the picture. Nothing may wait for them there; ``values`` are as above.
        """
        ...


class Output(Part, Protocol):
    """Where frames go; in the feed process, each on a thread of its own.

    Some attributes are optional: ``rate``, the most frames a second it wants; ``tend()``, which is
    called often while there is nothing to write (window systems want to be heard); ``on_card``,
    whether it takes frames where they lie on a graphics card (``Frame.on_card``). One whose
    receivers can turn elsewhere has ``standby()``, the output that an understudy of the feed keeps
    at hand (or None), and ``successor``, the place of that standby, which is set by any thread.
    """

    main_thread: ClassVar[bool]  # window systems insist on the main thread

    def write(self, frame: Frame) -> None:
        """Send one frame; called with the newest only, and again with the last while none comes."""
        ...


class StandbyOutput(Output, Protocol):
    """An output, open already, to which receivers turn by themselves when the feed dies."""

    number: int  # 0 or 1: one may still serve while the next waits
    place: Any  # where receivers find it, as JSON can hold it
    successor: Any  # another place, for when this one is silent too

    @property
    def connections(self) -> int:
        """How many receivers have turned to it."""
        ...


class Controller(Part, Protocol):
    """Hands on the instrument; the control process runs it, or a process of its own."""

    process: ClassVar[str]  # "control" (asyncio) or "midi" (native code that may crash)

    @staticmethod
    def check_message(settings: Any, message: str) -> tuple[str, str] | None:
        """What is wrong with a message named in the map, and the mend; None when it is right."""
        ...
