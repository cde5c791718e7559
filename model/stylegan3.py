"""StyleGAN3: alias-free generators, translation (T) and rotation (R) equivariant.

Source: Karras et al. 2021, arXiv:2106.12423.
"""

import math
from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.alias_free import AliasFreeLayer
from model.config import StyleGAN3Config
from model.config_parts import FourierInputConfig
from model.device.programs import OnDevice
from model.device.stylegan3 import StyleGAN3Steps
from model.layers import (
    Affine,
    Bend,
    Drawn,
    Size,
    Taps,
    at_least_float32,
    check_size,
    check_ws,
    taps_for,
)
from model.mapping import Mapping as MappingNetwork
from model.native.programs import Programs
from model.native.stylegan3 import StyleGAN3Program
from model.network import Code, Network, Picture, Synthesis, refuse


class Placement(Affine):
    """From w to cosine, sine and shift of the canvas; a fresh one leaves it as it is."""

    def draw(self) -> None:
        self.weight.zero_()
        self.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))


class FourierInput(Drawn):
    """A bank of sine waves, which the first row of w turns and shifts, and a channel mix.

    ``transform`` [3, 3] turns, shifts and scales the whole canvas besides.
    """

    transform: Tensor
    freqs: Tensor
    phases: Tensor

    def __init__(self, config: FourierInputConfig, w_dim: int) -> None:
        super().__init__()
        self.config = config
        self.weight = nn.Parameter(torch.empty(config.channels, config.channels))
        self.affine = Placement(w_dim, 4)
        self.register_buffer("transform", torch.empty(3, 3))
        self.register_buffer("freqs", torch.empty(config.channels, 2))
        self.register_buffer("phases", torch.empty(config.channels))

    def draw(self) -> None:
        self.weight.normal_()
        self.transform.copy_(torch.eye(3))
        self.freqs.copy_(_frequencies(self.config))
        self.phases.uniform_(-0.5, 0.5)

    def forward(self, w: Tensor, size: Size, transform: Tensor) -> Tensor:
        """[N, channels, height, width] of w [N, w_dim] under ``transform`` [3, 3] or [N, 3, 3]."""
        freqs, phases, amplitudes = self.waves(w, transform)
        turns = _positions(size, self.config.rate, freqs) + phases[:, None, None]
        waves = torch.sin(turns * (2 * math.pi))
        mix = self.weight * amplitudes[:, None, :] / math.sqrt(self.config.channels)
        mixed: Tensor = mix @ waves.flatten(1, 2).mT
        return mixed.reshape(len(w), -1, *size)

    def waves(self, w: Tensor, transform: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Frequencies [N, C, 2], phases and amplitudes [N, C] of w [N, w_dim]."""
        matrix = self._matrix(w, transform)
        phases = self.phases + (self.freqs @ matrix[:, :2, 2:]).squeeze(2)
        freqs = self.freqs @ matrix[:, :2, :2]
        return freqs, phases, self._amplitudes(freqs)

    def placed(self, transform: Tensor | None) -> Tensor:
        """``transform``, or where there is none the stored one. ValueError: another shape."""
        if transform is None:
            return self.transform
        if transform.shape[-2:] != (3, 3) or transform.ndim > 3:
            raise ValueError(f"transform is [3, 3] or [N, 3, 3], not {list(transform.shape)}")
        return transform.to(self.transform)

    def _matrix(self, w: Tensor, transform: Tensor) -> Tensor:
        """Rotation and translation of this w, and then ``transform``: [N, 3, 3]."""
        t = self.affine(w)
        cos, sin, x, y = (t / t[:, :2].norm(dim=1, keepdim=True)).unbind(1)
        zero, one = torch.zeros_like(cos), torch.ones_like(cos)
        rotation = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], 1)
        translation = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], 1)
        return rotation.reshape(-1, 3, 3) @ translation.reshape(-1, 3, 3) @ transform

    def _amplitudes(self, freqs: Tensor) -> Tensor:
        """Waves that came too close to the sampling limit fade out."""
        low, high = self.config.bandwidth, self.config.rate / 2
        length: Tensor = freqs.norm(dim=2)
        return (1 - (length - low) / (high - low)).clamp(0, 1)


def _frequencies(config: FourierInputConfig) -> Tensor:
    """Drawn evenly from the disc that the bandwidth allows, [channels, 2]."""
    direction = F.normalize(torch.randn(config.channels, 2), dim=1)
    return direction * torch.rand(config.channels, 1).sqrt() * config.bandwidth


def _positions(size: Size, rate: float, freqs: Tensor) -> Tensor:
    """Turns of each frequency [N, C, 2] at each pixel centre, [N, height, width, C]."""
    y, x = (
        (torch.arange(side, dtype=freqs.dtype, device=freqs.device) + 0.5 - side / 2) / rate
        for side in size
    )
    across = x[None, None, :, None] * freqs[:, None, None, :, 0]
    return across + y[None, :, None, None] * freqs[:, None, None, :, 1]


class StyleGAN3Synthesis(Synthesis):
    """The generator: Fourier input, alias-free layers."""

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        self.config = config
        self.input = FourierInput(config.input, config.w_dim)
        for layer in config.synthesis:
            self.add_module(layer.name, AliasFreeLayer(layer, config.w_dim))
        self.programs = Programs(StyleGAN3Program)
        self.on_device = OnDevice(StyleGAN3Steps)

    def forward(
        self,
        w: Tensor,
        code: Code | None = None,
        *,
        size: Size | None = None,
        transform: Tensor | None = None,
        noise: str = "const",
        bends: Mapping[str, Bend] | None = None,
        features: Collection[str] | None = None,
    ) -> Picture:
        """Pictures [N, channels, H, W] of w [N, num_ws, w_dim]; see `Synthesis`.

        A larger ``size`` sees more of the same endless canvas, a smaller one its middle.
        ``transform`` [3, 3] or [N, 3, 3] replaces the stored one for this picture; compose it with
        ``net.synthesis.input.transform`` to keep both.
        """
        refuse("stylegan3", code=code is not None, noise=noise != "const")
        check_ws(w, self.config.num_ws, self.config.w_dim)
        wanted = None if size is None else check_size(size)
        taps = taps_for(self.config.layers, bends, features)
        w = w.to(self.input.weight)
        image = self._painted(w, self._grid(wanted), self.input.placed(transform), taps)
        return self.picture(_around_native(image, wanted), taps, features)

    def _painted(self, w: Tensor, grid: Size, transform: Tensor, taps: Taps | None) -> Tensor:
        program: StyleGAN3Program | StyleGAN3Steps | None = None
        if taps is None or len(w) == 1:
            program = self.programs.find(self, grid, w, transform)
            program = program or self.on_device.find(self, grid, w, transform)
        if program is None:
            return self._painted_by_layers(w, grid, transform, taps)
        transforms = transform.expand(len(w), 3, 3)
        pictures = [program(*each, taps)[None] for each in zip(w, transforms, strict=True)]
        return pictures[0] if len(pictures) == 1 else torch.cat(pictures)

    def _painted_by_layers(
        self, w: Tensor, grid: Size, transform: Tensor, taps: Taps | None
    ) -> Tensor:
        x = self.input(w[:, 0], grid, transform)
        x = self.through("input", x.to(self.dtype), taps)
        for row, layer in enumerate(self.config.synthesis, start=1):
            x = getattr(self, layer.name)(x, w[:, row])
            x = self.through(layer.name, x, taps)
        return at_least_float32(x) * self.config.output_scale

    def _grid(self, size: Size | None) -> Size:
        """Height and width of the input, margins included, whose picture covers ``size``."""
        width, height = self.config.input.size
        if size is None:
            return height, width
        return self._samples(height, size[0]), self._samples(width, size[1])

    def _samples(self, native: int, wanted: int) -> int:
        """Input samples along one axis: two more at a time keep the grid centred."""
        pixels_per_sample = round(self.config.resolution / self.config.input.rate)
        missing = max(wanted - self.config.resolution, 0)
        return native + 2 * math.ceil(missing / (2 * pixels_per_sample))


def _around_native(image: Tensor, size: Size | None) -> Tensor:
    """The part of [N, C, H, W] in whose middle, rounded down, the native picture lies."""
    if size is None or size == image.shape[2:]:
        return image
    top, left = ((have - want + 1) // 2 for have, want in zip(image.shape[2:], size, strict=True))
    return image[:, :, top : top + size[0], left : left + size[1]]


class StyleGAN3(Network):
    """A StyleGAN3 network, T or R."""

    config: StyleGAN3Config
    synthesis: StyleGAN3Synthesis

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__(config, MappingNetwork(config.mapping), StyleGAN3Synthesis(config))
