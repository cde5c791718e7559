"""Sheets of what was judged, for people who would rather look."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import PIL.Image
from torch import Tensor
from torch.nn.functional import interpolate

from performer import contact_sheet
from performer.contact_sheet import Captioned
from performer.evaluation.canvas import CanvasJudge

_SQUARES, _WIDES = 6, 3


def of_canvas(judge: CanvasJudge) -> PIL.Image.Image:
    """Two judged pictures to a row, from condition to truth; wide canvases below them."""
    squares = [_captioned(row) for row in judge.sheet_rows[:_SQUARES]]
    rows = [[*chain(*squares[start : start + 2])] for start in range(0, len(squares), 2)]
    rows += [_captioned(row)[:2] for row in judge.wide_rows[:_WIDES]]
    return contact_sheet.sheet(rows)


def of_pictures(pictures: Sequence[Tensor]) -> PIL.Image.Image:
    """The pictures of seeds."""
    named = [(picture_of(picture), f"seed {seed}") for seed, picture in enumerate(pictures)]
    return contact_sheet.thumbnails(named, 256)


def picture_of(picture: Tensor) -> PIL.Image.Image:
    """A tensor [1, 3, H, W] in -1 … 1 as a picture."""
    pixels = picture[0].add(1).mul(127.5).round().clamp(0, 255).byte().permute(1, 2, 0)
    return PIL.Image.fromarray(np.ascontiguousarray(pixels.numpy()))


def _captioned(row: dict[str, Tensor]) -> list[Captioned]:
    """Each as large as the truth; the condition keeps its pixels."""
    size = row["truth"].shape[2:]
    kept = {name: picture for name, picture in row.items() if name != "blurred"}
    return [
        (picture_of(interpolate(each, size, mode="nearest")), name) for name, each in kept.items()
    ]
