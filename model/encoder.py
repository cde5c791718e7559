"""The encoder of StyleGAN-Canvas: a picture in; skips for the generator, and a w, out."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cuda_ops import bias_act
from model import together
from model.config import EncoderConfig
from model.config_parts import ConvolutionConfig, ResidualBlockConfig
from model.device.encoder import EncoderSteps
from model.device.programs import OnDevice
from model.equaliser import Equaliser
from model.layers import Bend, Drawn, Prepared, Taps, at_least_float32, taps_for
from model.mapping import Mapping as MappingNetwork
from model.native.encoder import EncoderProgram
from model.native.programs import Programs
from model.network import Code, Computing

Statistics: TypeAlias = Literal["stored", "frame"]
"""Whose mean and variance normalise: those of training, or those of the condition at hand."""


# How far renormalised statistics may lie from those of the batch: in deviations, and as a factor.
MOST_SHIFT, MOST_SCALE = 5.0, 3.0


class Mode(NamedTuple):
    """How one pass is computed: what normalises, and the type in which convolutions run.

    Between convolutions all is float32 (or wider): in half precision their inputs and outputs are
    rounded, and nothing else.
    """

    statistics: Statistics
    dtype: torch.dtype


class BatchNorm(nn.Module):
    """Batch normalisation whose statistics can be chosen for each pass.

    In training it is renormalised (Ioffe 2017, arXiv:1702.03275): its gradient is that of the
    batch's statistics, over all processes that train together, but what comes out is as the running
    ones make it, which is what will be played. Two pictures alone would lose their light and
    colour to their common mean. ``momentum`` is how fast the running ones follow.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.momentum = 0.1
        self._epsilon = epsilon

    def forward(self, x: Tensor, statistics: Statistics) -> Tensor:
        """[N, C, H, W] to the same."""
        if self.training:
            return self._renormalised(x)
        frame = statistics == "frame"
        mean, variance = (None, None) if frame else (self.running_mean, self.running_var)
        return F.batch_norm(
            x, mean, variance, self.weight, self.bias, frame, self.momentum, self._epsilon
        )

    def _renormalised(self, x: Tensor) -> Tensor:
        normal, mean, variance = self._normalised(x)
        with torch.no_grad():
            running = (self.running_var + self._epsilon).sqrt()
            scale = ((variance + self._epsilon).sqrt() / running).clamp(1 / MOST_SCALE, MOST_SCALE)
            shift = ((mean - self.running_mean) / running).clamp(-MOST_SHIFT, MOST_SHIFT)
            count = together.count() * x.numel() // x.shape[1]
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        gain, bias = self.weight * scale, self.weight * shift + self.bias
        return normal * gain[:, None, None] + bias[:, None, None]

    def _normalised(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``x`` by the statistics of the batch; and they, mean and variance [C]."""
        if together.count() == 1:
            mean, variance = torch.zeros_like(self.bias), torch.ones_like(self.bias)
            normal = F.batch_norm(x, mean, variance, None, None, True, 1.0, self._epsilon)
            count = x.numel() // x.shape[1]
            return normal, mean, variance * ((count - 1) / count)
        mean = together.mean(x.mean([0, 2, 3]))
        centred = x - mean[:, None, None]
        variance = together.mean(centred.square().mean([0, 2, 3]))
        normal = centred * (variance + self._epsilon).rsqrt()[:, None, None]
        return normal, mean, variance


class Convolution(Drawn):
    """A convolution with equalised learning rate, and what follows it."""

    def __init__(self, config: ConvolutionConfig) -> None:
        super().__init__()
        self.config = config
        kernel = (config.kernel, config.kernel)
        self.weight = nn.Parameter(torch.empty(config.out_channels, config.in_channels, *kernel))
        self.bias = nn.Parameter(torch.zeros(config.out_channels))
        if config.norm_epsilon is not None:
            self.batch_norm = BatchNorm(config.out_channels, config.norm_epsilon)
        self._scaled = Prepared(_scaled)

    def draw(self) -> None:
        self.weight.normal_()

    def forward(self, x: Tensor, mode: Mode, gain: float = 1.0) -> Tensor:
        """Convolution, bias, normalisation (older layout), activation, clamp, ``gain``."""
        config = self.config
        weight = self._scaled(mode.dtype, self.weight)
        y = F.conv2d(x.to(mode.dtype), weight, None, config.stride, config.kernel // 2)
        bias: Tensor | None = self.bias
        y = at_least_float32(y)
        if config.norm_epsilon is not None:
            y, bias = self.batch_norm(y + self.bias[:, None, None], mode.statistics), None
        slope = 1.0 if config.slope is None else config.slope
        clamp = None if config.clamp is None else config.clamp * gain
        return bias_act(y, bias, act="lrelu", alpha=slope, gain=gain, clamp=clamp)


def _scaled(dtype: torch.dtype, weight: Tensor) -> Tensor:
    return (weight / math.sqrt(weight[0].numel())).to(dtype)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a 1x1 shortcut."""

    def __init__(self, config: ResidualBlockConfig) -> None:
        super().__init__()
        self.config = config
        if config.norm_epsilon is not None:
            self.batch_norm = BatchNorm(config.conv1.in_channels, config.norm_epsilon)
        self.conv1 = Convolution(config.conv1)
        self.conv2 = Convolution(config.conv2)
        self.skip_mapping = Convolution(config.shortcut)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        """[N, in, H, W] to [N, out, H / stride, W / stride]."""
        if self.config.norm_epsilon is not None:
            x = self.batch_norm(x, mode.statistics)
        shortcut = self.skip_mapping(x, mode, self.config.gain)
        main = self.conv2(self.conv1(x, mode), mode, self.config.gain)
        return F.leaky_relu(main + shortcut, self.config.slope)


class Epilogue(nn.Module):
    """From the mean of the deepest feature maps to a w, through a mapping network."""

    def __init__(self, channels: int, mapping: MappingNetwork) -> None:
        super().__init__()
        self.mapping_in = nn.Linear(channels, mapping.config.z_dim)
        self.mapping = mapping

    def forward(self, mean: Tensor) -> Tensor:
        """The mean of each channel, [N, C], to [N, rows, w_dim], all rows equal."""
        w: Tensor = self.mapping(self.mapping_in(mean))
        return w


class Encoder(Computing):
    """Residual blocks; the outputs of some of them are the skips, the mean of the last gives w."""

    def __init__(self, config: EncoderConfig, encoder_ws: int) -> None:
        super().__init__()
        self.config = config
        self.encoder_ws = encoder_ws
        bands = config.equaliser_bands
        self.equaliser = Equaliser(bands) if bands else None
        self.in_proj = Convolution(config.projection)
        for block in config.blocks:
            self.add_module(block.name, ResidualBlock(block))
        channels = config.blocks[-1].conv2.out_channels
        self.epilogue = Epilogue(channels, MappingNetwork(config.mapping))
        self.programs = Programs(EncoderProgram)
        self.on_device = OnDevice(EncoderSteps)

    def forward(
        self,
        condition: Tensor,
        statistics: Statistics = "stored",
        *,
        bends: Mapping[str, Bend] | None = None,
        features: Collection[str] | None = None,
    ) -> Code | tuple[Code, dict[str, Tensor]]:
        """The code of a condition [N, channels, H, W], nominally -1 … 1.

        Args:
            statistics: "stored" normalises with the statistics of training, "frame" with those of
                this condition (the whole batch), as the seed system does on stage.
            bends, features: as in `Synthesis`, by the names ``config.encoder.layers``; with
                ``features``, a pair of the code and a dictionary of feature maps returns.

        Raises:
            ValueError: another channel count, a size that the network cannot take, or
                statistics of another name.
        """
        if statistics not in ("stored", "frame"):
            raise ValueError(f'statistics are "stored" or "frame", not {statistics!r}')
        self._check(condition)
        taps = taps_for(self.config.layers, bends, features)
        program: EncoderProgram | EncoderSteps | None = None
        if taps is None and statistics == "stored" and len(condition) == 1:
            size = condition.shape[2], condition.shape[3]
            program = self.programs.find(self, size, condition)
            program = program or self.on_device.find(self, size, condition)
        seen = self._seen(condition)
        if program is None:
            code = self._encoded(seen, statistics, taps)
        else:
            code = self._code(*program(seen))
        return code if features is None else (code, {} if taps is None else taps.kept)

    def _seen(self, condition: Tensor) -> Tensor:
        """What the projection sees. Half precision would lose what an equaliser lifts."""
        if self.equaliser is None:
            return condition
        wide = at_least_float32(condition)
        return torch.cat([wide, self.equaliser(wide)], 1)

    def _encoded(self, seen: Tensor, statistics: Statistics, taps: Taps | None) -> Code:
        mode = Mode(statistics, self.dtype)
        x = self.in_proj(seen.to(self.in_proj.weight), mode)
        x = x if taps is None else taps("enc.in_proj", x)
        skips: list[Tensor] = []
        for block in self.config.blocks:
            x = getattr(self, block.name)(x, mode)
            x = x if taps is None else taps(f"enc.{block.name}", x)
            if block.gives_skip:
                skips.append(x)
        return self._code(tuple(reversed(skips)), x.mean([2, 3]))

    def _code(self, skips: Sequence[Tensor], mean: Tensor) -> Code:
        return Code(skips, self.epilogue(mean), self.encoder_ws)

    def _check(self, condition: Tensor) -> None:
        channels, stride = self.config.condition_channels, self.config.skip_stride
        if condition.ndim != 4 or condition.shape[1] != channels:
            raise ValueError(f"the condition is [N, {channels}, H, W], not {list(condition.shape)}")
        for side, least in zip(condition.shape[2:], self.config.least, strict=True):
            # What is learnt on small crops, whose margins are mirrored back and forth, is cheap.
            if side % stride or (side < least and not self.training):
                raise ValueError(
                    f"the sides of the condition are multiples of {stride} from {least} up, "
                    f"not {side}"
                )
