"""The configurations of a network's parts, which those of the families are made of."""

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)

# Limits that no real network comes near: a configuration may come from a stranger's file.
Count: TypeAlias = Annotated[int, Field(ge=1, le=1 << 16)]
Rows: TypeAlias = Annotated[int, Field(ge=1, le=256)]
Channels: TypeAlias = Annotated[int, Field(ge=1, le=1 << 14)]
Pixels: TypeAlias = Annotated[int, Field(ge=1, le=1 << 14)]
Taps: TypeAlias = Annotated[int, Field(ge=1, le=256)]
Padding: TypeAlias = Annotated[int, Field(ge=-1024, le=1024)]
Kernel: TypeAlias = Literal[1, 3, 5, 7]
# As `L3_52_512` and `AL2_R16_C8_4`: nothing that a module has of its own is called so.
Name: TypeAlias = Annotated[str, Field(pattern=r"^A?L[0-9][A-Za-z0-9_]{0,60}$")]
Positive: TypeAlias = Annotated[float, Field(ge=1e-15, le=1e15)]
Clamp: TypeAlias = Positive | None
Size: TypeAlias = tuple[Pixels, Pixels]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MappingConfig:
    """A mapping network from z (and a class) to w.

    Attributes:
        num_ws: how many equal rows of w come out.
        features: width of each fully connected layer; the last is ``w_dim``.
        embed_features: width of the class embedding, 0 without classes.
        learning_rate_multiplier: how much slower its layers learn (their weights are larger).
        w_avg_beta: decay of the running average of w in training; None where there is none.
    """

    z_dim: Annotated[int, Field(ge=0, le=1 << 16)]
    c_dim: Annotated[int, Field(ge=0, le=1 << 16)] = 0
    num_ws: Rows
    features: Annotated[tuple[Count, ...], Field(min_length=1, max_length=64)]
    embed_features: Annotated[int, Field(ge=0, le=1 << 16)] = 0
    learning_rate_multiplier: Positive = 0.01
    w_avg_beta: float | None = 0.998

    @property
    def w_dim(self) -> int:
        return self.features[-1]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class AliasFreeLayerConfig:
    """One synthesis layer of StyleGAN3 or of the Canvas generator.

    Sizes are [width, height] at the native canvas, margins included; rates are samples per picture
    height; cutoffs and half widths are in cycles per picture height.

    Attributes:
        skip_channels: channels of the encoder's skip laid beside the convolution's output.
        receives: which skip that is, from 1; 0 is none.
        padding: [x low, x high, y low, y high] on the upsampled grid; negative crops.
        clamp: limit of the activation, None for none.
        radial: whether the downsampling filter is radially symmetric (two-dimensional).
        magnitude_beta: decay of the running input magnitude in training.
    """

    name: Name
    is_rgb: bool = False
    in_channels: Channels
    out_channels: Channels
    skip_channels: Annotated[int, Field(ge=0, le=1 << 14)] = 0
    receives: Annotated[int, Field(ge=0, le=64)] = 0
    kernel: Kernel
    in_size: Size
    out_size: Size
    in_rate: Positive
    out_rate: Positive
    in_cutoff: Positive
    out_cutoff: Positive
    in_half_width: Positive
    out_half_width: Positive
    up: Annotated[int, Field(ge=1, le=16)]
    down: Annotated[int, Field(ge=1, le=16)]
    up_taps: Taps
    down_taps: Taps
    radial: bool = False
    padding: tuple[Padding, Padding, Padding, Padding]
    clamp: Clamp = None
    magnitude_beta: Annotated[float, Field(ge=0, le=1)] = 0.999

    @property
    def width(self) -> int:
        """How many channels its map has, the skip's included."""
        return self.out_channels + self.skip_channels


@dataclass(frozen=True, kw_only=True, config=STRICT)
class NoisyLayerConfig:
    """One modulated convolution of StyleGAN2."""

    in_channels: Channels
    out_channels: Channels
    kernel: Kernel = 3
    up: Literal[1, 2] = 1
    clamp: Clamp = None
    noise: bool = True
    gain: Positive


@dataclass(frozen=True, kw_only=True, config=STRICT)
class BlockConfig:
    """One resolution of StyleGAN2: its convolutions, then its contribution to the picture."""

    resolution: Pixels
    convolutions: Annotated[tuple[NoisyLayerConfig, ...], Field(min_length=1, max_length=2)]
    rgb_clamp: Clamp = None
    filter_taps: Taps = 4

    @property
    def name(self) -> str:
        return f"b{self.resolution}"

    @property
    def out_channels(self) -> int:
        return self.convolutions[-1].out_channels

    @property
    def convolution_names(self) -> tuple[str, ...]:
        """``conv0`` upsamples and is absent from the first block."""
        return ("conv0", "conv1")[-len(self.convolutions) :]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FourierInputConfig:
    """StyleGAN3's input: a bank of sine waves that w places on the canvas."""

    channels: Channels
    size: Size
    rate: Positive
    bandwidth: Positive


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ConvolutionConfig:
    """One convolution of the Canvas encoder.

    Attributes:
        slope: of the leaky ReLU that follows, None for no activation.
        clamp: limit after the activation.
        norm_epsilon: of the batch normalisation between convolution and activation (the older
            layout), None where there is none.
    """

    in_channels: Channels
    out_channels: Channels
    kernel: Kernel
    stride: Annotated[int, Field(ge=1, le=4)] = 1
    slope: Annotated[float, Field(ge=0, le=1)] | None = None
    clamp: Clamp = 512.0
    norm_epsilon: Positive | None = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ResidualBlockConfig:
    """One residual block of the Canvas encoder.

    Attributes:
        gain: factor on both branches before they are added.
        norm_epsilon: of the batch normalisation at the head of the block (the current layout),
            None where there is none.
        gives_skip: whether what comes out goes to the generator.
    """

    name: Name
    conv1: ConvolutionConfig
    conv2: ConvolutionConfig
    shortcut: ConvolutionConfig
    gain: Positive
    slope: Annotated[float, Field(ge=0, le=1)] = 0.2
    norm_epsilon: Positive | None = None
    gives_skip: bool = False

    @property
    def stride(self) -> int:
        return self.conv1.stride * self.conv2.stride


@dataclass(frozen=True, kw_only=True, config=STRICT)
class BottleneckConfig:
    """How the deepest skip becomes the generator's input: 1x1 convolution, mirrored padding."""

    in_channels: Channels
    out_channels: Channels
    padding: Annotated[int, Field(ge=0, le=256)]
    rate: Positive
