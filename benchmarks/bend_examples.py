"""Every kind of bend with amounts that a performer would play: for timings and pictures."""

from __future__ import annotations

from typing import Any, NamedTuple


class Example(NamedTuple):
    """What a scene says about a bend beside its layer, and where its knobs are then turned to."""

    settings: dict[str, Any]
    amounts: dict[str, float]


def _example(**amounts: float) -> Example:
    return Example({}, amounts)


def examples(picture: str | None) -> dict[str, Example]:
    """By kind; ``picture`` is a file whose statistics are borrowed, None where nobody sees it."""
    return {
        "translate": _example(x=0.15, y=0.1),
        "rotate": _example(angle=40),
        "scale": _example(factor=1.6, stretch=1.2),
        "shear": _example(x=0.6, y=0),
        "flip": Example({"axis": "vertical"}, {"amount": 1}),
        "displace": _example(amount=0.08),
        "kaleidoscope": _example(amount=1),
        "erode": _example(radius=0.04),
        "dilate": _example(radius=0.04),
        "open": _example(radius=0.05),
        "close": _example(radius=0.05),
        "blur": _example(sigma=0.03),
        "sharpen": _example(amount=5, sigma=0.02),
        "multiply": _example(factor=-1.5),
        "add": _example(offset=1),
        "threshold": _example(amount=0.8),
        "invert": _example(amount=1, level=0.3),
        "ablate": Example({"channels": {"fraction": 0.5, "seed": 1}}, {"amount": 1}),
        "clamp": _example(limit=1),
        "power": _example(exponent=2),
        "feedback": _example(amount=0.85, zoom=1.08, turn=8),
        "freeze": _example(amount=0.6),
        "swap": _example(amount=0.6),
        "adain": Example({"file": picture}, {"amount": 1}),
        "canvas_chain": _example(angle=25, x=0.05, scale=1.2, erosion=3, multiply=1.5),
    }
