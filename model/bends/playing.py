"""Bends in one frame: those of a layer, in order, on tensors or on native maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from model.bends.base import Site
from model.bends.placed import Canvas, Guard, Placed
from model.bends.relocation import Affine, Together

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots


@dataclass(slots=True)
class Playing:
    """A placed bend in one frame; ``bend`` is its own, or several neighbours as one.

    ``row`` and ``values`` are the amounts, as a tensor and as numbers; ``told`` are those numbers
    as the bend is told them. Where what it remembers lasts, ``begun`` is 1 if it played in the
    frame before, else 0.
    """

    placed: Placed
    bend: Any
    row: "torch.Tensor"
    values: Mapping[str, float]
    told: Mapping[str, float]
    canvas: Canvas
    is_sparing: bool = False
    begun: "torch.Tensor | None" = None

    @property
    def keeps(self) -> str | None:
        """Which frame's features are remembered, if any."""
        found: str | None = getattr(self.bend, "keeps", None)
        return found

    def joins_with(self, other: "Playing") -> bool:
        """Whether both are one resampling."""
        ours, others = self.placed.bend.settings, other.placed.bend.settings
        if not (self._moves_all and other._moves_all):
            return False
        return (ours.channels, ours.border) == (others.channels, others.border)

    @property
    def _moves_all(self) -> bool:
        is_whole = self.values["mix"] == 1 and self.placed.bend.settings.mask is None
        return isinstance(self.bend, Affine) and is_whole

    def apply(self, features: "torch.Tensor") -> "torch.Tensor":
        """The bend on its channels, mixed with what was there; the rest as it was."""
        import torch

        chosen = features[:, self.placed.span]
        wide = chosen.to(torch.promote_types(features.dtype, torch.float32))
        bent = self._bent(wide).to(features.dtype)
        if bent.shape == features.shape:
            return bent
        result = features.clone()
        result[:, self.placed.span] = bent
        return result

    def _bent(self, wide: "torch.Tensor") -> "torch.Tensor":
        if self.begun is not None:
            return self._bent_where_memory_lasts(wide, self.begun)
        memory = self.placed.memory
        if memory.tensor is None or memory.tensor.shape != wide.shape:
            memory.tensor = wide.clone() if self.keeps == "first" else None
        site = self._site(self.placed.span, memory.tensor)
        bent = self._mixed(wide, self.bend.apply(wide, self.row.to(wide.dtype), site))
        if self.keeps == "last":
            memory.tensor = bent.clone() if bent is wide else bent
        return bent

    def _bent_where_memory_lasts(
        self, wide: "torch.Tensor", begun: "torch.Tensor"
    ) -> "torch.Tensor":
        """The same without a question that only the host could answer.

        In its first frame a bend has nothing to remember but the frame itself, and changes nothing.
        """
        before = self.placed.memory.lasting(wide)
        before.copy_(wide.lerp(before, begun.to(wide.dtype)))
        site = self._site(self.placed.span, before)
        bent = self._mixed(wide, self.bend.apply(wide, self.row.to(wide.dtype), site))
        if self.keeps == "last":
            bent = wide.lerp(bent, begun.to(wide.dtype))
            before.copy_(bent)
        return bent

    def _mixed(self, unbent: "torch.Tensor", bent: "torch.Tensor") -> "torch.Tensor":
        """As much of ``bent`` as mix, weights and mask ask for."""
        from cuda_ops.cuda.recording import hold

        placed = self.placed
        mask = placed.laid_mask((unbent.shape[-2], unbent.shape[-1]), self.canvas, unbent.device)
        shares = [] if mask is None else [mask]
        if self.values["mix"] != 1:
            shares.append(self.row[0])
        if placed.weights is not None and placed.is_partial:
            shares.append(hold(placed.weights)[placed.span, None, None].to(unbent.device))
        if not shares:
            return bent
        share = shares[0]
        for each in shares[1:]:
            share = share * each
        return unbent.lerp(bent, share.to(unbent.dtype))

    def in_blocks(self, blocks: "Blocks") -> None:
        """The same, by native kernels."""
        self._choose(blocks)
        memory = self.placed.memory
        if memory.blocks is not None and not blocks.fits(memory.blocks):
            memory.blocks = None
        if memory.blocks is None and self.keeps == "first":
            memory.blocks = blocks.copy(None)
        self.bend.in_blocks(blocks, self.row, self._site(slice(None), memory.blocks))
        if self.keeps == "last":
            memory.blocks = blocks.copy(memory.blocks)

    def _choose(self, blocks: "Blocks") -> None:
        import torch

        mask = self.placed.laid_mask(blocks.size, self.canvas, self.row.device)
        mix, weights = self.values["mix"], self.placed.weights
        if weights is None and mix != 1:
            weights = torch.ones(blocks.channels)
        share = None if weights is None else weights * mix
        blocks.choose(share, None if mask is None else mask[0, 0])

    @property
    def plays_in_slots(self) -> bool:
        """Whether kernels on a device know the bend; what it remembers has to last there."""
        return hasattr(self.bend, "in_slots") and (self.keeps is None or self.begun is not None)

    def in_slots(self, slots: "Slots") -> None:
        """The same, by kernels on a device."""
        placed, begun = self.placed, self.begun
        mask = placed.laid_mask(slots.size, self.canvas, self.row.device)
        slots.choose(
            placed.weights,
            mix=None if self.values["mix"] == 1 else self.row,
            mask=None if mask is None else mask[0, 0],
            begun=begun,
        )
        before = (
            None if self.keeps is None else placed.memory.lasting(slots.map, slots.at(placed.span))
        )
        if before is not None and self.keeps == "first":
            slots.keep(before, unless=begun)
        self.bend.in_slots(slots, self.row, self._site(slice(None), before))
        if before is not None and self.keeps == "last":
            slots.keep(before)

    def _site(self, span: slice, before: "torch.Tensor | None") -> Site:
        """What the bend is told, when it is given the channels of ``span``."""
        from cuda_ops.cuda.recording import hold

        placed = self.placed
        return Site(
            self.told,
            placed.pixels(self.canvas),
            placed.place.magnitude,
            placed.chosen(span.start or 0),
            {name: each[span] for name, each in hold(placed.stored).items()},
            before,
            self.is_sparing,
        )


class LayerBends:
    """The bends of one layer in one frame, in order: a callable on its features."""

    def __init__(self, steps: Sequence[Playing], guard: Guard) -> None:
        self._steps = steps
        self._guard = guard

    @property
    def plays_in_blocks(self) -> bool:
        """Whether native kernels know all of them."""
        return all(hasattr(step.bend, "in_blocks") for step in self._steps)

    @property
    def plays_in_slots(self) -> bool:
        """Whether kernels on a device know all of them."""
        return all(step.plays_in_slots for step in self._steps)

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

    def in_slots(self, slots: "Slots") -> None:
        """The same, by launches on a map of a device."""
        for step in self._steps:
            with step.placed.guarded(self._guard):
                step.in_slots(slots)


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
    bend, row = Together([step.bend for step in group]), torch.cat([step.row for step in group])
    return Playing(
        first.placed, bend, row, first.values, first.told, first.canvas, first.is_sparing
    )
