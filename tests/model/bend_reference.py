"""What each bend does, slowly and in float64: the other way round than the bends do it."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.bends.displace import _waves

Maps = NDArray[np.float64]  # [C, H, W]
Values = dict[str, float]


class Given(NamedTuple):
    """What a reference is told beside the maps."""

    values: Values
    settings: Any
    pixels: float  # per picture height
    magnitude: float = 1.0
    chosen: tuple[int, ...] = ()
    before: Maps | None = None
    stored: dict[str, NDArray[np.float64]] = {}  # noqa: RUF012


def _index(i: int, size: int, border: str) -> int | None:
    if 0 <= i < size:
        return i
    if border == "zeros":
        return None
    if border == "edge":
        return min(max(i, 0), size - 1)
    if border == "wrap":
        return i % size
    walk = [*range(size), *range(size - 1, -1, -1)]
    return walk[i % (2 * size)]


def _pixel(x: Maps, row: int, column: int, border: str) -> Maps:
    row_, column_ = _index(row, x.shape[1], border), _index(column, x.shape[2], border)
    return np.zeros(len(x)) if row_ is None or column_ is None else x[:, row_, column_]


def _unspoilt(to: float, own: float, size: int, border: str) -> float:
    """Mirrored, or held, a little before the edge: as far as it has moved, two pixels at most."""
    low = min(abs(to - own), 2, size / 8) - size / 2
    if border == "edge":
        return min(max(to, low + 0.5), -low - 0.5)
    while border == "reflect" and abs(to) > -low:
        to = 2 * low - to if to < 0 else -2 * low - to
    return to


def read(x: Maps, where: Callable[[float, float], tuple[float, float]], border: str) -> Maps:
    """Each pixel read ``where`` says, about the centre, between its four neighbours."""
    _, height, width = x.shape
    result = np.zeros_like(x)
    for row in range(height):
        for column in range(width):
            own_x, own_y = column + 0.5 - width / 2, row + 0.5 - height / 2
            to_x, to_y = where(own_x, own_y)
            to_x = _unspoilt(to_x, own_x, width, border)
            to_y = _unspoilt(to_y, own_y, height, border)
            at_x, at_y = to_x + width / 2 - 0.5, to_y + height / 2 - 0.5
            left, top = math.floor(at_x), math.floor(at_y)
            for dy, part_y in ((0, top + 1 - at_y), (1, at_y - top)):
                for dx, part_x in ((0, left + 1 - at_x), (1, at_x - left)):
                    here = _pixel(x, top + dy, left + dx, border)
                    result[:, row, column] += part_y * part_x * here
    return result


def _turned(x: float, y: float, degrees: float) -> tuple[float, float]:
    angle = math.atan2(y, x) - math.radians(degrees)
    return math.hypot(x, y) * math.cos(angle), math.hypot(x, y) * math.sin(angle)


def rotate(x: Maps, given: Given) -> Maps:
    angle = given.values["angle"]
    return read(x, lambda px, py: _turned(px, py, angle), given.settings.border)


def translate(x: Maps, given: Given) -> Maps:
    dx, dy = (given.values[axis] * given.pixels for axis in "xy")
    return read(x, lambda px, py: (px - dx, py - dy), given.settings.border)


def scale(x: Maps, given: Given) -> Maps:
    factor, stretch = given.values["factor"], given.values["stretch"]
    return read(x, lambda px, py: (px / factor / stretch, py / factor), given.settings.border)


def shear(x: Maps, given: Given) -> Maps:
    right, down = given.values["x"], given.values["y"]

    def where(px: float, py: float) -> tuple[float, float]:
        py -= down * px  # the columns moved last,
        return px - right * py, py  # so the rows are read first

    return read(x, where, given.settings.border)


def flip(x: Maps, given: Given) -> Maps:
    axis = given.settings.axis
    mirrored = x[:, :, ::-1] if axis != "vertical" else x
    mirrored = mirrored[:, ::-1] if axis != "horizontal" else mirrored
    return x + given.values["amount"] * (mirrored - x)


def displace(x: Maps, given: Given) -> Maps:
    values, pixels = given.values, given.pixels
    waves = _waves(given.settings.seed).double().numpy()[:, : 4 * given.settings.octaves]
    reach, turn = values["amount"] * pixels, 2 * math.pi / (values["size"] * pixels)

    def where(px: float, py: float) -> tuple[float, float]:
        weight, across, down, pace, phase = waves
        angle = turn * (across * px + down * py) + phase + pace * values["travelled"]
        dx, dy = (weight * np.sin(angle)).sum(0) * reach
        return px + dx, py + dy

    return read(x, where, given.settings.border)


def kaleidoscope(x: Maps, given: Given) -> Maps:
    amount, turn = given.values["amount"], math.radians(given.values["turn"])
    wedge = math.pi / given.values["segments"]

    def where(px: float, py: float) -> tuple[float, float]:
        angle = (math.atan2(py, px) - turn) % (2 * wedge)
        angle = wedge - abs(angle - wedge) + turn
        fx, fy = math.hypot(px, py) * math.cos(angle), math.hypot(px, py) * math.sin(angle)
        return px + amount * (fx - px), py + amount * (fy - py)

    return read(x, where, given.settings.border)


def _around(x: Maps, radius: int, best: Callable[..., Any]) -> Maps:
    result = np.zeros_like(x)
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            top, left = max(row - radius, 0), max(column - radius, 0)
            window = x[:, top : row + radius + 1, left : column + radius + 1]
            result[:, row, column] = best(window, (1, 2))
    return result


def _extreme(x: Maps, given: Given, best: Callable[..., Any]) -> Maps:
    radius = given.values["radius"] * given.pixels
    least = math.floor(radius)
    one, more = _around(x, least, best), _around(x, least + 1, best)
    return one + (radius - least) * (more - one)


def erode(x: Maps, given: Given) -> Maps:
    return _extreme(x, given, np.min)


def dilate(x: Maps, given: Given) -> Maps:
    return _extreme(x, given, np.max)


def open_(x: Maps, given: Given) -> Maps:
    return dilate(erode(x, given), given)


def close(x: Maps, given: Given) -> Maps:
    return erode(dilate(x, given), given)


def _gaussian(sigma: float) -> list[float]:
    reach = math.ceil(3 * sigma)

    def below(edge: float) -> float:
        edge = min(max(edge, -3 * sigma - 0.5), 3 * sigma + 0.5)
        return 0.5 * (1 + math.erf(edge / sigma / math.sqrt(2)))

    taps = [below(tap + 0.5) - below(tap - 0.5) for tap in range(-reach, reach + 1)]
    return [tap / sum(taps) for tap in taps]


def _smoothed(x: Maps, sigma: float) -> Maps:
    if sigma == 0:
        return x
    taps = _gaussian(sigma)
    reach, result = len(taps) // 2, np.zeros_like(x)
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            for dy, down in enumerate(taps, -reach):
                for dx, across in enumerate(taps, -reach):
                    here = _pixel(x, row + dy, column + dx, "edge")
                    result[:, row, column] += down * across * here
    return result


def blur(x: Maps, given: Given) -> Maps:
    return _smoothed(x, given.values["sigma"] * given.pixels)


def sharpen(x: Maps, given: Given) -> Maps:
    detail = x - _smoothed(x, given.values["sigma"] * given.pixels)
    return x + given.values["amount"] * detail


def multiply(x: Maps, given: Given) -> Maps:
    return x * given.values["factor"]


def add(x: Maps, given: Given) -> Maps:
    return x + given.values["offset"] * given.magnitude


def threshold(x: Maps, given: Given) -> Maps:
    half = given.values["softness"] / 2
    edges = [given.values["level"] - half, given.values["level"] + half]
    made = np.interp(x / given.magnitude, edges, [0, given.magnitude])
    return x + given.values["amount"] * (made - x)


def invert(x: Maps, given: Given) -> Maps:
    mirrored = 2 * given.values["level"] * given.magnitude - x
    return (1 - given.values["amount"]) * x + given.values["amount"] * mirrored


def ablate(x: Maps, given: Given) -> Maps:
    return x - given.values["amount"] * x


def clamp(x: Maps, given: Given) -> Maps:
    limit = given.values["limit"] * given.magnitude
    return np.clip(x, -limit, limit)


def power(x: Maps, given: Given) -> Maps:
    sizes = np.abs(x) / given.magnitude
    return np.copysign(given.magnitude * sizes ** given.values["exponent"], x)


def feedback(x: Maps, given: Given) -> Maps:
    assert given.before is not None
    zoom, turn = given.values["zoom"], given.values["turn"]

    def where(px: float, py: float) -> tuple[float, float]:
        return _turned(px / zoom, py / zoom, turn)

    before = read(given.before, where, given.settings.border)
    return x + given.values["amount"] * (before - x)


def freeze(x: Maps, given: Given) -> Maps:
    assert given.before is not None
    return x + given.values["amount"] * (given.before - x)


def swap(x: Maps, given: Given) -> Maps:
    chosen = given.chosen or tuple(range(len(x)))
    shuffled = np.random.RandomState(given.settings.seed).permutation(len(chosen))
    swapped = x.copy()
    for place, source in zip(shuffled, [shuffled[-1], *shuffled[:-1]], strict=True):
        swapped[chosen[place]] = x[chosen[source]]
    return x + given.values["amount"] * (swapped - x)


def adain(x: Maps, given: Given) -> Maps:
    result = np.zeros_like(x)
    for channel, plane in enumerate(x):
        deviation = max(plane.std(), 1e-3 * given.magnitude)
        styled = (plane - plane.mean()) / deviation * given.stored["deviation"][channel]
        styled += given.stored["mean"][channel]
        result[channel] = plane + given.values["amount"] * (styled - plane)
    return result


REFERENCES: dict[str, Callable[[Maps, Given], Maps]] = {
    "rotate": rotate,
    "translate": translate,
    "scale": scale,
    "shear": shear,
    "flip": flip,
    "displace": displace,
    "kaleidoscope": kaleidoscope,
    "erode": erode,
    "dilate": dilate,
    "open": open_,
    "close": close,
    "blur": blur,
    "sharpen": sharpen,
    "multiply": multiply,
    "add": add,
    "threshold": threshold,
    "invert": invert,
    "ablate": ablate,
    "clamp": clamp,
    "power": power,
    "feedback": feedback,
    "freeze": freeze,
    "swap": swap,
    "adain": adain,
}
