"""StyleGAN-Canvas: an encoder whose skips steer an alias-free generator."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from model.alias_free import AliasFreeLayer
from model.config import CanvasConfig
from model.config_parts import BottleneckConfig
from model.device.canvas import CanvasSteps
from model.device.programs import OnDevice
from model.encoder import Encoder, Statistics
from model.layers import (
    Bend,
    Size,
    Taps,
    at_least_float32,
    centre_crop,
    check_size,
    check_ws,
    mirror_pad,
    taps_for,
)
from model.mapping import Mapping as MappingNetwork
from model.native.canvas import CanvasProgram
from model.native.programs import Programs
from model.native.skips import shapes_of, tensors_of
from model.network import Code, Network, Picture, Synthesis, refuse


class Bottleneck(nn.Module):
    """The generator's input: the deepest skip, mixed and mirrored at its borders."""

    def __init__(self, config: BottleneckConfig) -> None:
        super().__init__()
        self.conv = nn.Conv2d(config.in_channels, config.out_channels, 1)
        self._padding = config.padding

    def forward(self, skip: Tensor) -> Tensor:
        """[N, in, H, W] to [N, out, H + margins, W + margins]."""
        weight, bias = self.conv.weight.to(skip.dtype), self.conv.bias
        mixed = torch.nn.functional.conv2d(
            skip, weight, None if bias is None else bias.to(skip.dtype)
        )
        return mirror_pad(mixed, self._padding)


class CanvasSynthesis(Synthesis):
    """The generator: a bottleneck, then alias-free layers, some of which take a skip."""

    def __init__(self, config: CanvasConfig) -> None:
        super().__init__()
        self.config = config
        self.input = Bottleneck(config.input)
        for layer in config.synthesis:
            self.add_module(layer.name, AliasFreeLayer(layer, config.w_dim))
        self.programs = Programs(CanvasProgram)
        self.on_device = OnDevice(CanvasSteps)

    def forward(
        self,
        w: Tensor,
        code: Code | None = None,
        *,
        size: Size | None = None,
        transform: Tensor | None = None,
        noise: str = "const",
        skip_gains: Sequence[float | Tensor] | None = None,
        bends: Mapping[str, Bend] | None = None,
        features: Collection[str] | None = None,
    ) -> Picture:
        """Pictures [N, channels, H, W] of w [N, num_ws, w_dim] and a code; see `Synthesis`.

        The first ``code.encoder_ws`` rows of w give way to the encoder's. The picture is as much
        larger than the native one as the condition is; ``size`` returns its middle.
        ``skip_gains`` multiply the skips, deepest first; 1 is as trained, 0 is without.
        """
        refuse("canvas", transform=transform is not None, noise=noise != "const")
        if code is None:
            raise ValueError("a canvas network needs a code: give it what the encoder returned")
        check_ws(w, self.config.num_ws, self.config.w_dim)
        taps = taps_for(self.config.layers, bends, features)
        gains = self._gains(code, skip_gains)
        w = self._combined(w, code)
        image = self._painted(w, code, gains, taps)
        return self.picture(_middle(image, size), taps, features)

    def _painted(
        self, w: Tensor, code: Code, gains: Sequence[float | Tensor], taps: Taps | None
    ) -> Tensor:
        program: CanvasProgram | CanvasSteps | None = None
        lying = [gain for gain in gains if isinstance(gain, Tensor)]
        if len(w) == 1 and all(gain.ndim == 0 for gain in lying):
            shapes, inputs = shapes_of(code.skips), (w, *tensors_of(code.skips), *lying)
            program = None if lying else self.programs.find(self, shapes, *inputs)
            program = program or self.on_device.find(self, shapes, *inputs)
        if program is None:
            return self._painted_by_layers(w, code, gains, taps)
        return program(w[0], code.skips, gains, taps)[None]

    def _painted_by_layers(
        self, w: Tensor, code: Code, gains: Sequence[float | Tensor], taps: Taps | None
    ) -> Tensor:
        skips = [skip.to(self.dtype) * gain for skip, gain in zip(code.skips, gains, strict=True)]
        x = self.through("input", self.input(skips[0]), taps)
        for row, layer in enumerate(self.config.synthesis, start=1):
            skip = skips[layer.receives - 1] if layer.receives else None
            x = getattr(self, layer.name)(x, w[:, row], self._fitted(skip, layer.kernel))
            x = self.through(layer.name, x, taps)
        return at_least_float32(x) * self.config.output_scale

    @staticmethod
    def _combined(w: Tensor, code: Code) -> Tensor:
        if len(w) != len(code.w):
            raise ValueError(f"w has {len(w)} samples, the code {len(code.w)}: give both as many")
        return torch.cat([code.w[:, : code.encoder_ws], w[:, code.encoder_ws :].to(code.w)], 1)

    @staticmethod
    def _gains(code: Code, gains: Sequence[float | Tensor] | None) -> Sequence[float | Tensor]:
        count = len(code.skips)
        if gains is None:
            return [1.0] * count
        if len(gains) != count:
            raise ValueError(f"skip_gains are {count} numbers, not {len(gains)}")
        return gains

    def _fitted(self, skip: Tensor | None, kernel: int) -> Tensor | None:
        """The skip as large as the output of a convolution that pads by ``kernel - 1``."""
        return None if skip is None else mirror_pad(skip, self.config.input.padding + kernel // 2)


def _middle(image: Tensor, size: Size | None) -> Tensor:
    if size is None:
        return image
    height, width = check_size(size)
    if height > image.shape[2] or width > image.shape[3]:
        painted = f"{image.shape[2]} x {image.shape[3]}"
        raise ValueError(
            f"size {height} x {width} exceeds the painted {painted}: widen the condition"
        )
    return centre_crop(image, (height, width))


class Canvas(Network):
    """A StyleGAN-Canvas network, in any of its layouts."""

    config: CanvasConfig
    encoder: Encoder
    synthesis: CanvasSynthesis

    def __init__(self, config: CanvasConfig) -> None:
        super().__init__(
            config,
            MappingNetwork(config.mapping),
            CanvasSynthesis(config),
            Encoder(config.encoder, config.encoder_ws),
        )

    def generate(
        self,
        z: Tensor,
        c: Tensor | None = None,
        psi: float | Tensor = 1.0,
        cutoff: int | None = None,
        condition: Tensor | None = None,
        encoder_ws: int | None = None,
        *,
        statistics: Statistics = "stored",
        **synthesis_options: Any,
    ) -> Picture:
        """Pictures of z and a condition.

        Args:
            z, c, psi, cutoff: see `Mapping`; truncation leaves the encoder's rows alone.
            condition, statistics: see `Encoder`.
            encoder_ws: how many first rows of w come from the encoder; None is the file's number.
            synthesis_options: see `CanvasSynthesis`.

        Raises:
            ValueError: no condition, a wrong shape, or an option that the family lacks.
        """
        if condition is None:
            raise ValueError("a canvas network needs a condition: give it a picture")
        code = self.encoder(condition, statistics).replacing(encoder_ws)
        w = self.mapping(z, c, psi, cutoff)
        picture: Picture = self.synthesis(w, code, **synthesis_options)
        return picture
