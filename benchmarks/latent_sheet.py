"""A picture of all kinds of latent: ``python -m benchmarks.latent_sheet [--out docs/latents.jpg]``.

Each line is one kind at eight moments of one way, on one still picture.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from model.latent.space import Space
from performer import registry
from performer.clustering import conditions
from performer.subject import Subject

MOMENTS = 8
SIDE = 128
LABEL = 18
LINES: dict[str, dict[str, Any]] = {
    "walk": {"seeds": [31, 54, 77]},
    "wander": {"seed": 31, "reach": 0.9},
    "loop": {"seeds": [31, 54, 77, 19]},
    "noise_loop": {"seed": 31, "reach": 0.9, "radius": 1.5},
    "grid": {"seeds": [[31, 54], [77, 19]]},
    "point": {"seed": 31},
}
WAYS = {"walk": 2.0, "wander": 3.0, "loop": 4.0, "noise_loop": 1.0}


@torch.inference_mode()
def sheet(subject: Subject) -> Image.Image:
    """All kinds, one below another."""
    network = subject.network
    code = network.encoder(conditions(subject, None)[8]) if network.encoder else None
    space = Space.of(network).at(None, 1.2, -1)
    picture = Image.new("RGB", (MOMENTS * SIDE, len(LINES) * (SIDE + LABEL)), "white")
    draw = ImageDraw.Draw(picture)
    for line, (kind, fields) in enumerate(LINES.items()):
        part = registry.part("latents", kind)
        latent = part(part.Settings.model_validate({"kind": kind, **fields}))
        latent.prepare(network.config)
        top = line * (SIDE + LABEL)
        draw.text((4, top + 3), f"{kind}  {fields}", fill="black")
        for moment in range(MOMENTS):
            w = latent.w(space, *_place(kind, latent, moment / (MOMENTS - 1)))
            image = network.synthesis(w, code)[0]
            picture.paste(_pixels(image), (moment * SIDE, top + LABEL))
    return picture


def _place(kind: str, latent: Any, share: float) -> tuple[float, dict[str, float]]:
    """How far, and the values, at a ``share`` of the way."""
    values = latent.settings.starts()
    if kind == "grid":
        values |= {"x": share, "y": share}
    if kind == "point":
        values |= {"seed": 31 + 2 * share}
    return WAYS.get(kind, 0.0) * share, values


def _pixels(image: torch.Tensor) -> Image.Image:
    rgb = ((image.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    return Image.fromarray(np.ascontiguousarray(rgb)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def main() -> None:
    """Paint it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="first_light")
    parser.add_argument("--out", type=Path, default=Path("docs/latents.jpg"))
    asked = parser.parse_args()
    sheet(Subject(asked.model)).save(asked.out, quality=88)


if __name__ == "__main__":
    main()
