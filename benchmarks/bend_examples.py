"""Every kind of bend with amounts that a performer would play: for timings and pictures."""

from __future__ import annotations

from typing import Any, NamedTuple


class Example(NamedTuple):
    """What a scene says about a bend beside its layer, and where its knobs are then turned to."""

    settings: dict[str, Any]
    amounts: dict[str, float]


def _example(**amounts: float) -> Example:
    return Example({}, amounts)


def examples(picture: str) -> dict[str, Example]:
    """By kind; ``picture`` is a file whose statistics are borrowed."""
    return {
        "translate": _example(x=0.15, y=0.1),
        "rotate": _example(angle=40),
        "scale": _example(factor=1.6, stretch=1.2),
        "shear": _example(x=0.6, y=0),
        "flip": Example({"axis": "vertical"}, {"amount": 1}),
        "displace": _example(amount=0.08),
        "kaleidoscope": _example(amount=1),
        "erode": _example(radius=0.025),
        "dilate": _example(radius=0.025),
        "open": _example(radius=0.025),
        "close": _example(radius=0.025),
        "blur": _example(sigma=0.02),
        "sharpen": _example(amount=4, sigma=0.01),
        "multiply": _example(factor=-1.5),
        "add": _example(offset=1),
        "threshold": _example(amount=1),
        "invert": _example(amount=1, level=0.3),
        "ablate": Example({"channels": {"fraction": 0.5, "seed": 1}}, {"amount": 1}),
        "clamp": _example(limit=0.25),
        "power": _example(exponent=2),
        "feedback": _example(amount=0.85, zoom=1.04, turn=3),
        "freeze": _example(amount=0.7),
        "swap": _example(amount=1),
        "adain": Example({"file": picture}, {"amount": 1}),
        "canvas_chain": _example(angle=25, x=0.05, scale=1.2, erosion=3, multiply=1.5),
    }
