"""Bends that read each pixel somewhere else; those that an affine map describes go together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from model.bends.base import Moved, Part, Site
from model.bends.resampling import grid, moved, resampled

if TYPE_CHECKING:
    import torch

    from cuda_ops.cpu.blocks import Blocks

Size = tuple[int, int]


class Relocation(Part):
    """Reads each pixel at another place."""

    Settings: ClassVar[type[Moved]]

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
        places = self.positions(blocks.size, amounts, site)
        blocks.resample(places, self.settings.border, nearest=site.is_sparing)


class Affine(Relocation):
    """Reads each pixel where a matrix says."""

    def matrix(self, amounts: "torch.Tensor", pixels_per_picture: float) -> "torch.Tensor":
        """From a pixel about the centre to where it is read, [3, 3]."""
        raise NotImplementedError

    def positions(self, size: Size, amounts: "torch.Tensor", site: Site) -> "torch.Tensor":
        """The positions of a grid after the matrix."""
        matrix = self.matrix(amounts, site.pixels_per_picture)
        return moved(grid(size, amounts), matrix[:2])

    def in_blocks(self, blocks: "Blocks", amounts: "torch.Tensor", site: Site) -> None:
        """The same, by native kernels, which need no positions."""
        matrix = self.matrix(amounts, site.pixels_per_picture)
        blocks.resample_affine(matrix, self.settings.border, nearest=site.is_sparing)


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

    def matrix(self, amounts: "torch.Tensor", pixels_per_picture: float) -> "torch.Tensor":
        """What the last one reads, the one before it has read elsewhere."""
        product, begin = None, 0
        for bend, end in zip(self._bends, self._ends, strict=True):
            matrix = bend.matrix(amounts[begin:end], pixels_per_picture)
            product = matrix if product is None else product @ matrix
            begin = end
        assert product is not None
        return product


def matrix_of(*rows: Sequence["torch.Tensor | float"]) -> "torch.Tensor":
    """[3, 3] of two rows of three numbers, some of which are tensors."""
    import torch

    numbers = [number for row in rows for number in row]
    like = next(number for number in numbers if isinstance(number, torch.Tensor))
    given = [
        number if isinstance(number, torch.Tensor) else like.new_full((), number)
        for number in (*numbers, 0.0, 0.0, 1.0)
    ]
    return torch.stack(given).reshape(3, 3)
