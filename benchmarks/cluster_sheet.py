"""A picture of clusters: ``python -m benchmarks.cluster_sheet [--out docs/clusters.png]``.

For some layers and two pictures: what is painted, and where each cluster is strong in it.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from model.clusters import Clusters
from model.clusters.responses import listen
from performer.clustering import conditions
from performer.subject import Subject

SIDE = 120
LABEL = 16
LAYERS = (0.3, 0.55, 0.75)
PICTURES = (2, 13)
K = 6


def sheet(subject: Subject) -> Image.Image:
    """A line for each layer and picture."""
    seen = conditions(subject, None)
    *_, responses = listen(subject.network, seen)
    found = Clusters(dict(responses.clusters([K])), [K])
    names = [list(found.layers)[round(depth * (len(found.layers) - 1))] for depth in LAYERS]
    lines = [(layer, number) for layer in names for number in PICTURES]
    canvas = Image.new("RGB", ((K + 1) * SIDE, len(lines) * (SIDE + LABEL)), "white")
    draw = ImageDraw.Draw(canvas)
    for line, (layer, number) in enumerate(lines):
        top = line * (SIDE + LABEL)
        draw.text((3, top + 2), layer, fill="black")
        painted = responses.painted[number][0].reshape(16, 16)
        canvas.paste(_shades(painted), (0, top + LABEL))
        strengths = responses.maps[layer][number]
        strengths = strengths / strengths.mean(1, keepdim=True).clamp_min(1e-6)
        for index, name in enumerate(found.names(layer, K)):
            left = (index + 1) * SIDE
            draw.text((left + 3, top + 2), f"{index} {name}", fill="black")
            mask = found.mask(layer, K, index)
            if mask.any():
                cells = strengths[mask].mean(0).reshape(16, 16)
                canvas.paste(_shades(cells), (left, top + LABEL))
    return canvas


def _shades(cells: Tensor) -> Image.Image:
    low, high = cells.min(), cells.max()
    shades = ((cells - low) / (high - low).clamp_min(1e-6) * 255).round().byte().numpy()
    return Image.fromarray(np.ascontiguousarray(shades)).resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC
    )


def main() -> None:
    """Paint it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="first_light")
    parser.add_argument("--out", type=Path, default=Path("docs/clusters.png"))
    asked = parser.parse_args()
    with torch.inference_mode():
        sheet(Subject(asked.model)).save(asked.out, optimize=True)


if __name__ == "__main__":
    main()
