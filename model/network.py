"""What every network offers, whatever its family."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from model.config import Config
from model.layers import Taps
from model.mapping import Mapping
from model.precision import compute_dtype

Picture: TypeAlias = Tensor | tuple[Tensor, dict[str, Tensor]]
"""Pictures [N, channels, H, W]; with them, where asked for, feature maps by layer."""


@dataclass(frozen=True)
class Code:
    """What an encoder made of a condition.

    Attributes:
        skips: feature maps for the generator, deepest first, each [N, C, H, W].
        w: the encoder's own latent, [N, rows, w_dim], all rows equal.
        encoder_ws: how many of the generator's first rows of w it replaces.
    """

    skips: Sequence[Tensor]
    w: Tensor
    encoder_ws: int

    def replacing(self, encoder_ws: int | None) -> "Code":
        """The same code for another number of rows; None keeps the file's own."""
        if encoder_ws is None:
            return self
        if not 0 <= encoder_ws <= self.w.shape[1]:
            raise ValueError(f"encoder_ws is 0 … {self.w.shape[1]}, not {encoder_ws}")
        return replace(self, encoder_ws=encoder_ws)


class Computing(nn.Module):
    """A part whose feature maps may be of lower precision than its weights."""

    lower_dtype: torch.dtype | None = None
    is_auto = False

    @property
    def dtype(self) -> torch.dtype:
        """The type of the feature maps, where torch computes them."""
        return self.lower_dtype or next(self.parameters()).dtype

    def compute_in(self, lower: torch.dtype | None, *, auto: bool = False) -> None:
        """Feature maps in ``lower``; None: in the type of the weights.

        With ``auto``, in what else a program of native kernels finds best.
        """
        self.lower_dtype = lower
        self.is_auto = auto


class Synthesis(Computing):
    """A generator, called as ``synthesis(w, code=None, *, size=None, transform=None,
    noise="const", bends=None, features=None)``.

    Args, where the family has them (else ValueError):
        w: [N, num_ws, w_dim].
        code: what the encoder returned.
        size: (height, width) of the picture in pixels; None is the native size. Sizes that are not
            hit exactly are painted larger, and their middle returned.
        transform: matrix [3, 3] that places the canvas.
        noise: "const" (stored in the file), "random" (from torch's default generator) or "none".
        bends: by name of a layer, a callable on its output [N, C, H, W] that keeps the shape.
        features: names of layers whose maps are wanted, as they are after bending.

    Returns pictures [N, channels, H, W], float32, nominally -1 … 1, not clamped; with
    ``features``, a pair of them and a dictionary of feature maps.
    """

    @staticmethod
    def through(name: str, x: Tensor, taps: Taps | None) -> Tensor:
        """``x`` as the next layer sees it."""
        return x if taps is None else taps(name, x)

    @staticmethod
    def picture(image: Tensor, taps: Taps | None, features: Collection[str] | None) -> Picture:
        """The picture, with what was kept where features were asked for."""
        if features is None:
            return image
        return image, ({} if taps is None else taps.kept)


class Network(nn.Module):
    """A generator with its mapping network and, in the Canvas family, its encoder."""

    def __init__(
        self,
        config: Config,
        mapping: Mapping,
        synthesis: Synthesis,
        encoder: Computing | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.mapping = mapping
        self.encoder = encoder
        self.synthesis = synthesis

    def set_precision(self, precision: str) -> None:
        """Compute in "float32", "bfloat16", "float16", or "auto" for where the network lies.

        The weights stay what they are, and so do the small parts that need their precision.
        """
        device = next(self.parameters()).device
        half = compute_dtype(precision, device)
        if half is None:  # cuDNN's own default rounds to 10 bits, which float32 does not promise
            torch.backends.cudnn.allow_tf32 = False
        for part in (self.synthesis, self.encoder):
            if part is not None:
                part.compute_in(half, auto=precision == "auto")

    @property
    def precision(self) -> str:
        """What the feature maps are computed in, as things stand."""
        from model.native.programs import computes_in

        return str(computes_in(self.synthesis)).removeprefix("torch.")

    def generate(
        self,
        z: Tensor,
        c: Tensor | None = None,
        psi: float | Tensor = 1.0,
        cutoff: int | None = None,
        condition: Tensor | None = None,
        encoder_ws: int | None = None,
        **synthesis_options: Any,
    ) -> Picture:
        """Pictures of z: mapping, encoder where there is one, synthesis.

        Args:
            z, c, psi, cutoff: see `Mapping`.
            condition, encoder_ws: for the Canvas family alone; see `Canvas`.
            synthesis_options: see `Synthesis`.

        Raises:
            ValueError: an option that the family lacks, or a wrong shape.
        """
        family = self.config.family
        refuse(family, condition=condition is not None, encoder_ws=encoder_ws is not None)
        picture: Picture = self.synthesis(self.mapping(z, c, psi, cutoff), **synthesis_options)
        return picture


def refuse(family: str, **given: bool) -> None:
    """ValueError for the first option that was given although the family lacks it."""
    for option, present in given.items():
        if present:
            raise ValueError(f"a {family} network has no {option}: leave it away")
