"""Bends that read each pixel somewhere else; those that an affine map describes go together."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from model.bends.base import Moved, Part, Site
from model.bends.kept import Kept
from model.bends.resampling import grid, moved, resampled

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Move, Slots

Size = tuple[int, int]
Number: TypeAlias = "float | torch.Tensor"
"""Plain where the amounts are at hand; on a graphics card nobody may wait for them."""

Row: TypeAlias = tuple[Number, Number, Number]
Matrix: TypeAlias = tuple[Row, Row]
"""From a pixel (x, y, 1) about the centre of a map to where it is read."""


class Relocation(Part):
    """Reads each pixel at another place."""

    Settings: ClassVar[type[Moved]]

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self._kept: Kept[torch.Tensor] = Kept()

    def positions(self, size: Size, amounts: "torch.Tensor", site: Site) -> "torch.Tensor":
        """Where each pixel of a map of ``size`` (height, width) is read: [H, W, 2], float32."""
        raise NotImplementedError

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", site: Site
    ) -> "torch.Tensor":
        """The maps as `positions` says."""
        height, width = features.shape[-2:]
        places = self.positions((height, width), amounts, site)
        return resampled(features, places, self.settings.border, nearest=site.is_sparing)

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels."""
        key = blocks.size, site.pixels_per_picture, site.is_sparing, *site.values.values()
        places = self._kept(key, lambda: self.positions(blocks.size, amounts, site))
        blocks.resample(places, self.settings.border, nearest=site.is_sparing)

    def in_slots(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by kernels on a device."""
        places = self.places(slots, amounts, site)
        slots.resample(places, self.settings.border, nearest=site.is_sparing)

    def places(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> "torch.Tensor":
        """What `positions` are, by a kernel where there is one for that."""
        return self.positions(slots.size, amounts, site)


class Affine(Relocation):
    """Reads each pixel where a matrix says.

    Attributes:
        move: what a kernel on a device calls that; None where it knows no such matrix.
    """

    move: ClassVar["Move | None"] = None

    def matrix(self, amounts: Sequence[Number], pixels_per_picture: float) -> Matrix:
        """Where pixels are read, of amounts in the order of the knobs."""
        raise NotImplementedError

    def positions(self, size: Size, amounts: "torch.Tensor", site: Site) -> "torch.Tensor":
        """The positions of a grid after the matrix."""
        matrix = self.matrix(amounts.unbind(), site.pixels_per_picture)
        return moved(grid(size, amounts), stacked(matrix, amounts))

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels, which need no positions."""
        matrix = self.matrix(amounts.tolist(), site.pixels_per_picture)
        blocks.resample_affine(matrix, self.settings.border, nearest=site.is_sparing)

    def places(self, slots: "Slots", amounts: "torch.Tensor", site: Site) -> "torch.Tensor":
        """What `positions` are."""
        return self.places_after(slots, None, amounts, site)

    def places_after(
        self,
        slots: "Slots",
        after: "torch.Tensor | None",
        amounts: "torch.Tensor",
        site: Site,
    ) -> "torch.Tensor":
        """Where what lies at the places ``after`` another bend is read; None: at those of a map."""
        pixels = site.pixels_per_picture
        if self.move is not None:
            return slots.places(self.move, amounts[1:], pixels, after)
        begin = grid(slots.size, amounts) if after is None else after
        return moved(begin, stacked(self.matrix(amounts.unbind(), pixels), amounts))


class Together(Affine):
    """Affine bends one after the other, as one."""

    def __init__(self, bends: Sequence[Affine]) -> None:
        super().__init__(bends[0].settings)
        self._bends = bends
        self._ends = []
        end = 0
        for bend in bends:
            end += len(bend.Settings.knobs())
            self._ends.append(end)

    def matrix(self, amounts: Sequence[Number], pixels_per_picture: float) -> Matrix:
        """What the last one reads, the one before it has read elsewhere."""
        product: Matrix = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
        begin = 0
        for bend, end in zip(self._bends, self._ends, strict=True):
            product = _product(product, bend.matrix(amounts[begin:end], pixels_per_picture))
            begin = end
        return product

    def places_after(
        self,
        slots: "Slots",
        after: "torch.Tensor | None",
        amounts: "torch.Tensor",
        site: Site,
    ) -> "torch.Tensor":
        """As of `matrix`: the last bend comes first."""
        begins = [0, *self._ends]
        for number in reversed(range(len(self._bends))):
            own = amounts[begins[number] : begins[number + 1]]
            after = self._bends[number].places_after(slots, after, own, site)
        assert after is not None
        return after


def turn(angle: Number) -> tuple[Number, Number]:
    """Cosine and sine of ``angle`` degrees."""
    if isinstance(angle, float):
        radians = math.radians(angle)
        return math.cos(radians), math.sin(radians)
    turned = angle.deg2rad()
    return turned.cos(), turned.sin()


def stacked(matrix: Matrix, like: "torch.Tensor") -> "torch.Tensor":
    """A matrix as a tensor [2, 3] like another."""
    import torch

    numbers = [
        each if isinstance(each, torch.Tensor) else like.new_full((), each)
        for row in matrix
        for each in row
    ]
    return torch.stack(numbers).reshape(2, 3)


def _product(one: Matrix, other: Matrix) -> Matrix:
    """Of two matrices, both with a third row (0, 0, 1)."""
    x, y = other

    def of(row: Row) -> Row:
        a, b, c = row
        return a * x[0] + b * y[0], a * x[1] + b * y[1], a * x[2] + b * y[2] + c

    return of(one[0]), of(one[1])
