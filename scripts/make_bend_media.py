"""Makes what the scenes of bends need beside the film: scenes/media/circle.png and ember.jpg.

The first is a mask, a soft disc; the second a picture of nothing but glowing colours and grain,
whose statistics a bend borrows. Both are made of numbers alone, and dedicated to the public domain.
"""

from pathlib import Path

import numpy as np
import PIL.Image

MEDIA = Path(__file__).parents[1] / "scenes" / "media"
SIDE = 256


def disc() -> PIL.Image.Image:
    """White within two thirds of the width, black without, soft between."""
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1) * 2 - 1
    soft = np.clip((0.66 - np.hypot(x, y)) / 0.12 + 0.5, 0, 1)
    return PIL.Image.fromarray(np.uint8(np.round(255 * soft * soft * (3 - 2 * soft))))


def ember() -> PIL.Image.Image:
    """Clouds of five sizes, from black over red and orange to white."""
    random = np.random.RandomState(4)
    glow = np.zeros((SIDE, SIDE))
    for cells in (3, 6, 12, 48, 128):
        clouds = PIL.Image.fromarray(random.standard_normal((cells, cells)).astype(np.float32))
        glow += np.asarray(clouds.resize((SIDE, SIDE), PIL.Image.Resampling.BICUBIC)) / cells**0.45
    glow = (glow - glow.min()) / (glow.max() - glow.min())
    colours = np.stack([np.clip(3.2 * glow - at, 0, 1) for at in (0.6, 1.4, 2.1)], -1)
    return PIL.Image.fromarray(np.uint8(np.round(255 * colours)))


def main() -> None:
    """Write both."""
    disc().save(MEDIA / "circle.png", optimize=True)
    ember().save(MEDIA / "ember.jpg", quality=85, optimize=True)


if __name__ == "__main__":
    main()
