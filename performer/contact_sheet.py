"""Contact sheets: many pictures on one, with a line under each."""

import math
from collections.abc import Sequence
from pathlib import Path

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from performer.errors import PerformerError

GAP, LINE = 6, 14
PAPER, INK = (250, 250, 248), (60, 60, 60)

Captioned = tuple[PIL.Image.Image, str]
Font = PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont


def sheet(rows: Sequence[Sequence[Captioned]]) -> PIL.Image.Image:
    """Rows of pictures as large as they are, each with its caption below."""
    heights = [max(picture.height for picture, _ in row) + LINE + GAP for row in rows]
    widths = [sum(picture.width + GAP for picture, _ in row) for row in rows]
    paper = PIL.Image.new("RGB", (max(widths) + GAP, sum(heights) + GAP), PAPER)
    draw, font = PIL.ImageDraw.Draw(paper), PIL.ImageFont.load_default(11)
    top = GAP
    for row, height in zip(rows, heights, strict=True):
        left = GAP
        for picture, caption in row:
            paper.paste(picture, (left, top))
            text = _fitting(caption, font, picture.width)
            draw.text((left, top + picture.height), text, INK, font)
            left += picture.width + GAP
        top += height
    return paper


def thumbnails(pictures: Sequence[Captioned], side: int = 128) -> PIL.Image.Image:
    """Pictures made as small as ``side``, in a block about as wide as a page."""
    small = [(_small(picture, side), caption) for picture, caption in pictures]
    shape = sum(picture.width / picture.height for picture, _ in small) / len(small)
    columns = max(1, min(len(small), math.ceil(math.sqrt(len(small) * 1.5 / shape))))
    return sheet([small[start : start + columns] for start in range(0, len(small), columns)])


def save(picture: PIL.Image.Image, path: Path) -> None:
    """Writes a PNG. Errors: PerformerError."""
    try:
        picture.save(path, "PNG")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PerformerError(f"{path}: cannot be written ({reason})") from error


def _small(picture: PIL.Image.Image, side: int) -> PIL.Image.Image:
    small = picture.copy()
    small.thumbnail((side, side), PIL.Image.Resampling.LANCZOS)
    return small


def _fitting(text: str, font: Font, width: int) -> str:
    """As much of ``text`` as fits, ended by an ellipsis where it is cut."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
