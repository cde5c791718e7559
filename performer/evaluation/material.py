"""What a network is judged on: parts of held-out photographs, and what the encoder sees of them.

A picture is a tensor [1, 3, H, W] in -1 … 1. ``side`` is the native side of the network's picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from torch import Tensor

from model import conditions
from model.training.split import divided
from performer.console import warn
from performer.dataset.crops import Box, boxes, cropped, middle
from performer.dataset.look import UnfitError, opened, pictures_in
from performer.errors import PerformerError
from performer.pictures import to_tensor

WIDE = 4  # times the native width
PAN_FRAMES = 9


@dataclass(frozen=True)
class Conditioner:
    """Makes conditions as the stage does.

    Attributes:
        kind: "plain", "blur" or "edges".
        sigma: of the blur, in pixels of a picture 256 high.
        side, picture_side: native sides of the condition and of the picture.
        rounded: whether the condition went through 8 bits, as those of files and cameras did.
    """

    kind: str
    sigma: float
    side: int
    picture_side: int
    rounded: bool = False

    def __call__(self, picture: Tensor) -> Tensor:
        """What the encoder sees of ``picture``, as much smaller as conditions are."""
        height, width = (side * self.side // self.picture_side for side in picture.shape[2:])
        made = self._made(conditions.resized(picture, (height, width)))
        return ((made + 1) * 127.5).round() / 127.5 - 1 if self.rounded else made

    def _made(self, small: Tensor) -> Tensor:
        if self.kind == "blur":
            return conditions.blur(small, self.sigma, self.side)
        if self.kind == "edges":
            return conditions.edges(small, 1.0, 1.0, self.side)
        return small

    def blurred(self, picture: Tensor) -> Tensor:
        """``picture`` under the same blur at its own size: what the eye sees of the input."""
        if self.kind != "blur":
            return picture
        return conditions.blur(picture, self.sigma, self.picture_side)

    def __str__(self) -> str:
        name = f"blur, sigma {self.sigma:g} px" if self.kind == "blur" else self.kind
        return f"{name}, in 8 bits" if self.rounded else name


class Material:
    """The photographs of a folder that are held out, or all of them."""

    def __init__(self, folder: Path, everything: bool = False) -> None:
        files = pictures_in(folder)
        chosen = files if everything else divided(files)[1]
        if not chosen:
            raise PerformerError(
                f"{folder}: none of its {len(files)} pictures is held out; add --all"
            )
        self.folder = folder
        self.files, self._pictures = _read(chosen)

    def squares(self, side: int, most: int) -> list[Tensor]:
        """Native pictures: the first crop of each photograph, then the second, up to ``most``."""
        size = (side, side)
        each = [
            [_part(picture, box, size) for box in boxes(picture.size, size)]
            for picture in self._pictures
        ]
        turns = max(len(parts) for parts in each)
        found = [parts[turn] for turn in range(turns) for parts in each if turn < len(parts)]
        return found[:most]

    def parts(self, size: tuple[int, int], most: int) -> list[Tensor]:
        """The middle of each photograph in ``size`` (width, height), up to ``most``."""
        chosen = self._pictures[:most]
        return [_part(picture, middle(picture.size, size), size) for picture in chosen]

    def wides(self, side: int, most: int) -> list[Tensor]:
        """Pictures as high as the native one and four times as wide."""
        return self.parts((WIDE * side, side), most)

    def pans(self, side: int, most: int) -> list[Tensor]:
        """Slow pans [T, 3, side, side]: a pixel to the right from frame to frame."""
        strips = self.parts((side + PAN_FRAMES - 1, side), most)
        return [strip[0].unfold(2, side, 1).permute(2, 0, 1, 3).contiguous() for strip in strips]


def _read(files: Sequence[Path]) -> tuple[list[Path], list[PIL.Image.Image]]:
    """Those of ``files`` that can be read, and what is in them."""
    found: dict[Path, PIL.Image.Image] = {}
    for file in files:
        try:
            found[file] = opened(file)
        except UnfitError as error:
            warn(f"{file}: {error}; it is left out")
    if not found:
        raise PerformerError(f"{files[0].parent}: none of its pictures can be read; mend them")
    return [*found], [*found.values()]


def _part(picture: PIL.Image.Image, box: Box, size: tuple[int, int]) -> Tensor:
    return to_tensor(np.asarray(cropped(picture, box, size)).copy())


def enlarged(condition: Tensor, size: Sequence[int]) -> Tensor:
    """``condition`` in ``size`` (height, width), bicubically: what costs nothing to do."""
    larger = torch.nn.functional.interpolate(
        condition, (int(size[0]), int(size[1])), mode="bicubic", align_corners=False
    )
    return larger.clamp(-1, 1)
