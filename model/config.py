"""What a network is made of: everything needed to build it except its weights.

A configuration is frozen, is checked when it is made (pydantic), and goes to JSON and back without
loss, so that a network can be written as one configuration and a flat dictionary of tensors.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Discriminator, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from model.config_parts import (
    STRICT,
    AliasFreeLayerConfig,
    BlockConfig,
    BottleneckConfig,
    ConvolutionConfig,
    FourierInputConfig,
    MappingConfig,
    Pixels,
    ResidualBlockConfig,
    Size,
)

Layers: TypeAlias = Annotated[tuple[AliasFreeLayerConfig, ...], Field(min_length=1, max_length=128)]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class _NetworkConfig:
    """What every family has."""

    resolution: Pixels
    image_channels: Annotated[int, Field(ge=1, le=16)] = 3
    mapping: MappingConfig

    capabilities: ClassVar[frozenset[str]] = frozenset()

    @property
    def z_dim(self) -> int:
        return self.mapping.z_dim

    @property
    def c_dim(self) -> int:
        return self.mapping.c_dim

    @property
    def w_dim(self) -> int:
        return self.mapping.w_dim

    @property
    def num_ws(self) -> int:
        return self.mapping.num_ws


@dataclass(frozen=True, kw_only=True, config=STRICT)
class StyleGAN2Config(_NetworkConfig):
    """StyleGAN2 with output skips (arXiv:1912.04958)."""

    family: Literal["stylegan2"] = "stylegan2"
    blocks: Annotated[tuple[BlockConfig, ...], Field(min_length=1, max_length=12)]

    capabilities: ClassVar[frozenset[str]] = frozenset({"noise", "size"})

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of what can be bent or listened to, in order of execution."""
        return tuple(
            f"{block.name}.{part}"
            for block in self.blocks
            for part in (*block.convolution_names, "torgb", "img")
        )

    @property
    def rates(self) -> tuple[float, ...]:
        """For each of ``layers``: pixels of its map per picture height."""
        return tuple(
            float(block.resolution) for block in self.blocks for _ in (*block.convolutions, 0, 0)
        )

    @property
    def widths(self) -> tuple[int, ...]:
        """For each of ``layers``: how many channels its map has."""
        return tuple(
            width
            for block in self.blocks
            for width in (
                *(convolution.out_channels for convolution in block.convolutions),
                self.image_channels,
                self.image_channels,
            )
        )


@dataclass(frozen=True, kw_only=True, config=STRICT)
class StyleGAN3Config(_NetworkConfig):
    """StyleGAN3, T or R (arXiv:2106.12423)."""

    family: Literal["stylegan3"] = "stylegan3"
    input: FourierInputConfig
    synthesis: Layers
    output_scale: float = 0.25

    capabilities: ClassVar[frozenset[str]] = frozenset({"size", "transform"})

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of what can be bent or listened to, in order of execution."""
        return ("input", *(layer.name for layer in self.synthesis))

    @property
    def rates(self) -> tuple[float, ...]:
        """For each of ``layers``: pixels of its map per picture height."""
        return (self.input.rate, *(layer.out_rate for layer in self.synthesis))

    @property
    def widths(self) -> tuple[int, ...]:
        """For each of ``layers``: how many channels its map has."""
        return (self.input.channels, *(layer.width for layer in self.synthesis))


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EncoderConfig:
    """The Canvas encoder: condition in; skips and a w out.

    ``size`` is the native condition, [width, height]. With ``equaliser_bands`` the projection sees
    the condition as it is, and the two pictures that `model.equaliser` makes of it; 0 is none.
    """

    size: Size
    projection: ConvolutionConfig
    blocks: Annotated[tuple[ResidualBlockConfig, ...], Field(min_length=1, max_length=32)]
    mapping: MappingConfig
    equaliser_bands: Annotated[int, Field(ge=0, le=256)] = 0

    @property
    def condition_channels(self) -> int:
        """Channels of the condition."""
        return self.projection.in_channels // (3 if self.equaliser_bands else 1)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of what can be bent or listened to, in order of execution."""
        return ("enc.in_proj", *(f"enc.{block.name}" for block in self.blocks))

    @property
    def least(self) -> tuple[int, int]:
        """The smallest condition (height, width), in whole strides.

        Below 11/16 of the native one, mirrored margins would hold more than the picture itself.
        """
        stride = self.skip_stride
        width, height = (stride * math.ceil(side * 11 / 16 / stride) for side in self.size)
        return height, width

    @property
    def normalises(self) -> bool:
        """Whether any layer normalises its batch."""
        parts = [self.projection]
        for block in self.blocks:
            if block.norm_epsilon is not None:
                return True
            parts += (block.conv1, block.conv2, block.shortcut)
        return any(part.norm_epsilon is not None for part in parts)

    @property
    def skip_stride(self) -> int:
        """Condition pixels per pixel of the deepest skip."""
        last = max((i for i, block in enumerate(self.blocks) if block.gives_skip), default=-1)
        stride = self.projection.stride
        for block in self.blocks[: last + 1]:
            stride *= block.stride
        return stride


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CanvasConfig(_NetworkConfig):
    """StyleGAN-Canvas: an encoder whose skips steer an alias-free generator.

    ``encoder_ws`` is how many rows of w come from the encoder where the caller does not say.
    """

    family: Literal["canvas"] = "canvas"
    encoder: EncoderConfig
    input: BottleneckConfig
    synthesis: Layers
    output_scale: float = 0.25
    encoder_ws: Annotated[int, Field(ge=0, le=256)]

    capabilities: ClassVar[frozenset[str]] = frozenset({"condition", "size"})

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of what can be bent or listened to in the generator, in order of execution."""
        return ("input", *(layer.name for layer in self.synthesis))

    @property
    def rates(self) -> tuple[float, ...]:
        """For each of ``layers``: pixels of its map per native picture height."""
        return (self.input.rate, *(layer.out_rate for layer in self.synthesis))

    @property
    def widths(self) -> tuple[int, ...]:
        """For each of ``layers``: how many channels its map has, skips included."""
        return (self.input.out_channels, *(layer.width for layer in self.synthesis))


Config: TypeAlias = StyleGAN2Config | StyleGAN3Config | CanvasConfig

_ADAPTER: TypeAdapter[Config] = TypeAdapter(Annotated[Config, Discriminator("family")])


def from_dict(values: Mapping[str, Any]) -> Config:
    """The configuration that `to_dict` wrote. Errors: pydantic's ValidationError."""
    return _ADAPTER.validate_python(values)


def to_dict(config: Config) -> dict[str, Any]:
    """A configuration as plain values that JSON can hold."""
    values: dict[str, Any] = _ADAPTER.dump_python(config, mode="json")
    return values
