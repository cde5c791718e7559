"""Crops: windows of one shape that cover a photograph, without more than needed."""

import PIL.Image

Box = tuple[float, float, float, float]


def boxes(size: tuple[int, int], wanted: tuple[int, int]) -> list[Box]:
    """Windows of the shape ``wanted`` (width, height), as large as fit, spread along a photograph.

    As many as fit side by side without overlapping, at least one.
    """
    scale = min(size[0] / wanted[0], size[1] / wanted[1])
    width, height = wanted[0] * scale, wanted[1] * scale
    columns, rows = max(int(size[0] / width + 1e-6), 1), max(int(size[1] / height + 1e-6), 1)
    return [
        (left, top, left + width, top + height)
        for top in _spread(size[1] - height, rows)
        for left in _spread(size[0] - width, columns)
    ]


def middle(size: tuple[int, int], wanted: tuple[int, int]) -> Box:
    """The largest window of the shape ``wanted`` in the middle."""
    scale = min(size[0] / wanted[0], size[1] / wanted[1])
    left, top = (side - scale * part for side, part in zip(size, wanted, strict=True))
    return left / 2, top / 2, size[0] - left / 2, size[1] - top / 2


def cropped(picture: PIL.Image.Image, box: Box, wanted: tuple[int, int]) -> PIL.Image.Image:
    """The window in its final size."""
    return picture.resize(wanted, PIL.Image.Resampling.LANCZOS, box)


def _spread(room: float, count: int) -> list[float]:
    """``count`` starts from one end to the other; a single one lies in the middle."""
    if count == 1:
        return [room / 2]
    return [room * place / (count - 1) for place in range(count)]
