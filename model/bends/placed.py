"""One bend on its layer: what it has chosen, what it remembers, and how it plays in a frame."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from model.bends import channels, masks
from model.bends.base import Bend, Place, Site
from model.bends.channels import Clusters
from model.bends.masks import FileMask, LiveMask
from model.bends.relocation import Affine, Together

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
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


@dataclass(slots=True)
class Memory:
    """Features of a frame before: as a tensor [N, C, H, W], or as blocks of native kernels."""

    tensor: "torch.Tensor | None" = None
    blocks: "torch.Tensor | None" = None

    def clear(self) -> None:
        """Forget them."""
        self.tensor = self.blocks = None


class Placed:
    """A bend, its layer, the channels and pixels it is for, and its state.

    Attributes:
        weights: how much each channel of the layer takes, [C]; None: all of them all.
        mask: of a file, [1, 1, H, W].
        travelled: its speed, summed up over time.
    """

    def __init__(self, name: str, bend: Bend, place: Place) -> None:
        self.name = name
        self.bend = bend
        self.place = place
        self.weights: torch.Tensor | None = None
        self.span = slice(None)
        self.mask: torch.Tensor | None = None
        self.stored: Mapping[str, torch.Tensor] = {}
        self.memory = Memory()
        self.travelled = 0.0
        self._speed: str | None = getattr(bend, "speed", None)
        self._knobs = tuple(bend.settings.knobs())
        self._chosen: torch.Tensor | None = None
        self._resting = 0
        self._laid: tuple[object, torch.Tensor] | None = None

    def choose(self, clusters: Clusters | None) -> None:
        """Find the channels. Errors: ValueError, ``what; mend``."""
        wanted = self.bend.settings.channels
        if wanted == "all":
            return
        found = channels.weights(wanted, self.place.name, self.place.channels, clusters)
        self.memory.clear()
        chosen = found.nonzero()[:, 0]
        first, last = int(chosen[0]), int(chosen[-1])
        self.weights, self._chosen = found, chosen
        self.span = slice(first, last + 1)

    def read_mask(self) -> None:
        """Read the mask of a file. Errors: ValueError, ``what; mend``."""
        if isinstance(wanted := self.bend.settings.mask, FileMask):
            self.mask = masks.read(wanted.file)

    def prepare(self, network: "Network") -> None:
        """Look at the network, if the bend wants to. Errors: ValueError, ``what; mend``."""
        if hasattr(self.bend, "prepare"):
            self.stored = self.bend.prepare(network, self.place)

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
        if not self._resting and amounts["mix"] != 0 and not self.bend.neutral(amounts):
            return False
        self.memory.clear()
        return True

    @contextlib.contextmanager
    def guarded(self, guard: Guard) -> Iterator[None]:
        """Rest for a while after a fault that ``guard`` does not raise again."""
        try:
            yield
        except Exception as error:
            guard(self.name, error)
            self._resting = REST_FRAMES

    def site(self, values: Mapping[str, float], canvas: Canvas, **more: Any) -> Site:
        """What the bend is told."""
        pixels = self.place.pixels_per_picture * canvas.scale
        return Site(values, pixels, self.place.magnitude, stored=self.stored, **more)

    def chosen(self, first: int = 0) -> "torch.Tensor | None":
        """The numbers of its channels, counted from ``first``; None: all."""
        return None if self._chosen is None else self._chosen - first

    @property
    def is_partial(self) -> bool:
        """Whether some channels of its span take less than all."""
        return self.weights is not None and not bool((self.weights[self.span] == 1).all())

    def laid_mask(
        self, size: tuple[int, int], canvas: Canvas, device: "torch.device"
    ) -> "torch.Tensor | None":
        """The mask over a map of ``size``, [1, 1, H, W]; None where there is none.

        ValueError where it does not fit the canvas.
        """
        height = self.place.pixels_per_picture * canvas.scale
        picture = height, height * canvas.aspect
        wanted = self.bend.settings.mask
        if isinstance(wanted, LiveMask):
            if canvas.seen is None:
                raise ValueError("this network sees no picture; use a mask of a file")
            return masks.laid(masks.seen(canvas.seen, wanted).to(device), size, picture)
        if self.mask is None:
            return None
        if not masks.fits(self.mask, canvas.aspect):
            raise ValueError("its mask has not the shape of the canvas any more")
        key = (size, picture, device)
        if self._laid is None or self._laid[0] != key:
            self._laid = key, masks.laid(self.mask.to(device), size, picture)
        return self._laid[1]


@dataclass(slots=True)
class Playing:
    """A placed bend in one frame; ``bend`` is its own, or several neighbours as one."""

    placed: Placed
    row: "torch.Tensor"
    values: Mapping[str, float]
    canvas: Canvas
    bend: Any = None
    is_sparing: bool = False
    mask: "torch.Tensor | None" = field(default=None)

    def __post_init__(self) -> None:
        self.bend = self.bend or self.placed.bend

    @property
    def joins(self) -> bool:
        """Whether it may become one resampling with a neighbour."""
        is_whole = self.values["mix"] == 1 and self.placed.bend.settings.mask is None
        return isinstance(self.bend, Affine) and is_whole

    def joins_with(self, other: "Playing") -> bool:
        """Whether both are one resampling."""
        ours, others = self.placed.bend.settings, other.placed.bend.settings
        same = (ours.channels, getattr(ours, "border", None)) == (
            others.channels,
            getattr(others, "border", None),
        )
        return self.joins and other.joins and same

    def apply(self, features: "torch.Tensor") -> "torch.Tensor":
        """The bend on its channels, mixed with what was there; the rest as it was."""
        import torch

        placed, keeps = self.placed, getattr(self.bend, "keeps", None)
        chosen = features[:, placed.span]
        wide = chosen.to(torch.promote_types(features.dtype, torch.float32))
        before = placed.memory.tensor
        if before is None or before.shape != wide.shape:
            before = placed.memory.tensor = wide.clone() if keeps == "first" else None
        first = placed.span.start or 0
        row = self.row.to(wide.dtype)
        site = placed.site(
            self.values,
            self.canvas,
            chosen=placed.chosen(first),
            before=before,
            is_sparing=self.is_sparing,
        )
        bent = self.mixed(wide, self.bend.apply(wide, row, site))
        if keeps == "last":
            placed.memory.tensor = bent.clone() if bent is wide else bent
        if bent.shape == features.shape:
            return bent.to(features.dtype)
        result = features.clone()
        result[:, placed.span] = bent.to(features.dtype)
        return result

    def mixed(self, unbent: "torch.Tensor", bent: "torch.Tensor") -> "torch.Tensor":
        """As much of ``bent`` as mix, weights and mask ask for."""
        size = (unbent.shape[-2], unbent.shape[-1])
        mask = self.placed.laid_mask(size, self.canvas, unbent.device)
        share: Any = None if self.values["mix"] == 1 else self.row[0]
        if self.placed.weights is not None and self.placed.is_partial:
            weights = self.placed.weights[self.placed.span, None, None].to(unbent.device)
            share = weights if share is None else share * weights
        if mask is not None:
            share = mask if share is None else share * mask
        return bent if share is None else unbent.lerp(bent, share.to(unbent.dtype))

    def in_blocks(self, blocks: "Blocks") -> None:
        """The same, by native kernels."""
        placed, keeps = self.placed, getattr(self.bend, "keeps", None)
        self._choose(blocks)
        memory = placed.memory
        if memory.blocks is not None and not blocks.fits(memory.blocks):
            memory.blocks = None
        if memory.blocks is None and keeps == "first":
            memory.blocks = blocks.copy(None)
        site = placed.site(
            self.values,
            self.canvas,
            chosen=placed.chosen(),
            before=memory.blocks,
            is_sparing=self.is_sparing,
        )
        self.bend.in_blocks(blocks, self.row, site)
        if keeps == "last":
            memory.blocks = blocks.copy(memory.blocks)

    def _choose(self, blocks: "Blocks") -> None:
        import torch

        mask = self.placed.laid_mask(blocks.size, self.canvas, self.row.device)
        mix, weights = self.values["mix"], self.placed.weights
        if weights is None and mix != 1:
            weights = torch.ones(blocks.channels)
        share = None if weights is None else weights * mix
        blocks.choose(share, None if mask is None else mask[0, 0])


class LayerBends:
    """The bends of one layer in one frame, in order: a callable on its features."""

    def __init__(self, steps: Sequence[Playing], guard: Guard) -> None:
        self._steps = steps
        self._guard = guard

    @property
    def plays_in_blocks(self) -> bool:
        """Whether native kernels know all of them."""
        return all(hasattr(step.bend, "in_blocks") for step in self._steps)

    def __call__(self, features: "torch.Tensor") -> "torch.Tensor":
        """[N, C, H, W] to the same."""
        for step in self._steps:
            with step.placed.guarded(self._guard):
                features = step.apply(features)
        return features

    def in_blocks(self, blocks: "Blocks") -> None:
        """The same, as steps on a native map."""
        for step in self._steps:
            with step.placed.guarded(self._guard), blocks.whole_or_not():
                step.in_blocks(blocks)


def together(steps: Sequence[Playing]) -> list[Playing]:
    """``steps`` with neighbours that are one resampling made one."""
    groups: list[list[Playing]] = []
    for step in steps:
        if groups and groups[-1][-1].joins_with(step):
            groups[-1].append(step)
        else:
            groups.append([step])
    return [group[0] if len(group) == 1 else _as_one(group) for group in groups]


def _as_one(group: Sequence[Playing]) -> Playing:
    import torch

    first = group[0]
    row = torch.cat([step.row for step in group])
    bend = Together([step.bend for step in group])
    return Playing(first.placed, row, first.values, first.canvas, bend, is_sparing=first.is_sparing)
