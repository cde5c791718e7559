"""One bend on its layer: what it has chosen, what it has seen, and what it remembers."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from model.bends import channels, masks
from model.bends.base import Bend, Place
from model.bends.channels import Clusters
from model.bends.masks import FileMask, LiveMask

if TYPE_CHECKING:
    import torch

    from model.network import Network

Guard = Callable[[str, Exception], None]

REST_FRAMES = 90  # after a fault


def unguarded(name: str, error: Exception) -> None:
    """Lets no bend rest."""
    raise error


@dataclass(frozen=True, slots=True)
class Canvas:
    """What of the frame matters to bends.

    Attributes:
        scale: how many times higher the picture is painted than the network was trained.
        aspect: how many times as wide as high.
        seen: the part of the live picture that the canvas shows, [1, 3, H, W] in -1 … 1.
    """

    scale: float = 1.0
    aspect: float = 1.0
    seen: "torch.Tensor | None" = None


NATIVE = Canvas()


_MOST_LASTING = 4  # of torch and of kernels, for the canvas that plays and the one before it


class _Lasting(NamedTuple):
    """Features [N, C, H, W], and where in C the channels of a bend lie."""

    features: "torch.Tensor"
    channels: "slice | torch.Tensor"


@dataclass(slots=True)
class Memory:
    """Features of a frame before: as a tensor [N, C, H, W], or as blocks of native kernels.

    Where graphs replay what a bend does, they ``last``: a tensor for each size, and for torch and
    kernels each, that is written where it lies. Whichever plays goes on from the one that played
    in the frame before. ``played_at`` is then the size of the canvas of that frame, None where the
    bend did not play in it.
    """

    tensor: "torch.Tensor | None" = None
    blocks: "torch.Tensor | None" = None
    played_at: tuple[int, int] | None = None
    _lasting: "dict[object, torch.Tensor]" = field(default_factory=dict)
    _played: "_Lasting | None" = None

    def clear(self) -> None:
        """Forget them."""
        self.tensor = self.blocks = self.played_at = self._played = None

    def lasting(
        self, like: "torch.Tensor", channels: "slice | torch.Tensor" = slice(None)
    ) -> "torch.Tensor":
        """The memory for features as large as ``like``, whose channels lie at ``channels``.

        It has what torch or kernels remembered in the frame before, where that was as large; so it
        does at each replay of a graph that records this. Whoever only rehearses is given other
        memory.
        """
        import torch

        from cuda_ops.cuda.recording import before_replays, hold, is_recording, is_rehearsing

        found = hold(self._found(like))
        if is_rehearsing():
            return torch.zeros_like(found)
        go_on = partial(self._go_on, _Lasting(found, channels))
        if is_recording():
            before_replays(go_on)
        else:
            go_on()
        return found

    def _found(self, like: "torch.Tensor") -> "torch.Tensor":
        """The memory for features as large as ``like``, for whichever thread makes it first."""
        import torch

        from cuda_ops.cuda.recording import refuse_recording

        key = like.shape, like.dtype, like.device
        if (known := self._lasting.get(key)) is not None:
            return known
        refuse_recording("the memory of a bend went away")  # a graph would make it in its own
        for former in [*self._lasting][: len(self._lasting) + 1 - _MOST_LASTING]:
            self._lasting.pop(former, None)
        # Kernels read channels-last maps; what torch makes lies as its last operation left it.
        made = torch.zeros_like(like, memory_format=torch.channels_last)
        return self._lasting.setdefault(key, made)

    def _go_on(self, now: "_Lasting") -> None:
        """Have what the frame before remembered where this one looks for it."""
        import torch

        before, self._played = self._played, now
        if before is None or before.features is now.features:
            return
        known, own = (each.features[:, each.channels] for each in (before, now))
        if known.shape == own.shape:
            with torch.inference_mode():
                now.features[:, now.channels] = known.to(now.features)


class Placed:
    """A bend, its layer, the channels and pixels it is for, and its state.

    Attributes:
        weights: how much each channel of the layer takes, [C]; None: all of them all.
        span: from the first to the last that takes anything.
        is_partial: whether some in the span take less than all.
        mask: of a file, [1, 1, H, W].
        travelled: its speed, summed up over time.
        version: how often other channels were chosen.
        read: which of its amounts the bend has read as numbers while graphs were made.
    """

    def __init__(self, name: str, bend: Bend, place: Place) -> None:
        self.name = name
        self.bend = bend
        self.place = place
        self.weights: torch.Tensor | None = None
        self.span = slice(None)
        self.is_partial = False
        self.mask: torch.Tensor | None = None
        self.stored: Mapping[str, torch.Tensor] = {}
        self.memory = Memory()
        self.travelled = 0.0
        self.version = 0
        self.read: set[str] = set()
        self._device: torch.device | None = None  # None: where they were made
        self._speed: str | None = getattr(bend, "speed", None)
        self._knobs = tuple(bend.settings.knobs())
        self._chosen: torch.Tensor | None = None
        self._resting = 0
        self._is_lost = False
        self._laid: tuple[object, torch.Tensor] | None = None

    def choose(self, clusters: Clusters | None) -> None:
        """Find the channels. Errors: ValueError, ``what; mend``."""
        import torch

        wanted = self.bend.settings.channels
        if wanted == "all":
            return
        found = channels.weights(wanted, self.place.name, self.place.channels, clusters)
        if self.weights is not None and torch.equal(found, self.weights.cpu()):
            return
        self.memory.clear()
        chosen = found.nonzero()[:, 0]
        first, last = int(chosen[0]), int(chosen[-1])
        self.weights, self._chosen = found, chosen
        self.span = slice(first, last + 1)
        self.is_partial = not bool((found[self.span] == 1).all())
        self.version += 1
        self._lay_out()

    def regroup(self, clusters: Clusters, guard: Guard) -> None:
        """Find the channels anew; where they are not there, rest until they are."""
        try:
            self.choose(clusters)
            self._is_lost = False
        except ValueError as error:
            guard(self.name, error)
            self._is_lost = True

    def read_mask(self) -> None:
        """Read the mask of a file. Errors: ValueError, ``what; mend``."""
        if isinstance(wanted := self.bend.settings.mask, FileMask):
            self.mask = masks.read(wanted.file)

    def prepare(self, network: "Network") -> None:
        """Look at the network, if the bend wants to. Errors: ValueError, ``what; mend``."""
        if hasattr(self.bend, "prepare"):
            self.stored = self.bend.prepare(network, self.place)

    def stay_on(self, device: "torch.device") -> None:
        """Have all that the bend is given lie on a device, now and from now on."""
        self._device = device
        self._lay_out()

    def _lay_out(self) -> None:
        if self._device is None:
            return
        device = self._device
        self.stored = {name: each.to(device) for name, each in self.stored.items()}
        self.mask = None if self.mask is None else self.mask.to(device)
        self.weights = None if self.weights is None else self.weights.to(device)

    def amounts(self, values: Mapping[str, float]) -> dict[str, float]:
        """Of this frame, in the order of the knobs, and how far it has travelled."""
        found = {knob: values[knob] for knob in self._knobs}
        if self._speed is not None:
            found["travelled"] = self.travelled
        return found

    def walk(self, seconds: float, values: Callable[[str], Mapping[str, float]]) -> None:
        """Let time go on."""
        if self._speed is not None:
            self.travelled += seconds * values(self.name)[self._speed]

    def go_on_from(self, former: "Placed") -> None:
        """Remember what the same bend remembers elsewhere."""
        self.travelled = former.travelled
        if former.bend is self.bend and former.place == self.place:
            self.memory = former.memory

    def rests(self, amounts: Mapping[str, float]) -> bool:
        """Whether it does nothing in this frame; then it forgets."""
        self._resting = max(self._resting - 1, 0)
        able = not self._resting and not self._is_lost
        if able and amounts["mix"] != 0 and not self.bend.neutral(amounts):
            return False
        self.memory.clear()
        return True

    @contextlib.contextmanager
    def guarded(self, guard: Guard) -> Iterator[None]:
        """Rest for a while after a fault that ``guard`` does not raise again.

        Where graphs are made it goes on to whoever makes them: the frame shall see it by itself.
        """
        from cuda_ops.cuda.recording import UncapturableError, is_apart

        try:
            yield
        except Exception as error:
            if is_apart():
                line = f"bend {self.name}: {type(error).__name__}: {error}"
                raise UncapturableError(line) from error
            guard(self.name, error)
            self._resting = REST_FRAMES

    def pixels(self, canvas: Canvas) -> float:
        """Of the layer, for the height of the picture."""
        return self.place.pixels_per_picture * canvas.scale

    def chosen(self, first: int) -> "torch.Tensor | None":
        """The numbers of its channels, counted from ``first``; None: all."""
        return None if self._chosen is None else self._chosen - first

    def laid_mask(
        self, size: tuple[int, int], canvas: Canvas, device: "torch.device"
    ) -> "torch.Tensor | None":
        """The mask over a map of ``size``, [1, 1, H, W]; None where there is none.

        ValueError where it does not fit the canvas.
        """
        height = self.pixels(canvas)
        picture = height, height * canvas.aspect
        from cuda_ops.cuda.recording import hold, is_remote

        wanted = self.bend.settings.mask
        if isinstance(wanted, LiveMask):
            if canvas.seen is None:
                raise ValueError("this network sees no picture; use a mask of a file")
            return masks.laid(masks.seen(canvas.seen, wanted).to(device), size, picture)
        if self.mask is None:
            return None
        if not masks.fits(self.mask, canvas.aspect):
            raise ValueError("its mask has not the shape of the canvas any more")
        if is_remote(self.mask):  # what one thread keeps may not lie where another's graph reads
            return masks.laid(hold(self.mask), size, picture)
        key = (size, picture, device)
        if self._laid is None or self._laid[0] != key:
            self._laid = key, masks.laid(self.mask.to(device), size, picture)
        return self._laid[1]
