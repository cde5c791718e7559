"""Reads configurations from the trees that pickle files hold, one function per family.

Attributes and shapes are the only sources: nothing is assumed that a file says, and what it says
is checked by the configuration it becomes.
"""

import math
import reprlib
from collections.abc import Sequence
from typing import Any, cast

from model import config
from model import config_parts as parts
from model.errors import LoadError
from model.tree import Node

MEND = "the file is damaged or of a kind not known here: fetch it again from its source"


class Stored:
    """One module of a file, with its place in the network for messages."""

    def __init__(self, node: Node, place: str = "") -> None:
        self.node = node
        self.place = place

    def has(self, name: str) -> bool:
        """Whether there is a module of this name."""
        return name in self.node.modules

    def module(self, name: str) -> "Stored":
        """The module inside this one, which must be there."""
        place = self.at(name)
        if name not in self.node.modules:
            raise LoadError(f"{place} is missing; {MEND}")
        return Stored(self.node.modules[name], place)

    def __getitem__(self, name: str) -> Any:
        """A plain attribute, which must be there. Its type is checked where it is used."""
        if name not in self.node.attributes:
            raise LoadError(f"{self.at(name)} is missing; {MEND}")
        return self.node.attributes[name]

    def get(self, name: str, default: object) -> Any:
        """A plain attribute, or ``default`` where the file has none."""
        return self.node.attributes.get(name, default)

    def names(self, name: str) -> list[str]:
        """An attribute that lists names of modules."""
        names = self[name]
        if not isinstance(names, Sequence) or not all(isinstance(item, str) for item in names):
            raise LoadError(f"{self.at(name)} is no list of names; {MEND}")
        return list(names)

    def numbers(self, name: str, count: int) -> list[int]:
        """An attribute that lists ``count`` whole numbers."""
        numbers = self[name]
        sized = isinstance(numbers, Sequence) and len(numbers) == count
        if not sized or not all(isinstance(item, int) for item in numbers):
            raise LoadError(f"{self.at(name)} is no list of {count} whole numbers; {MEND}")
        return list(numbers)

    def shape(self, name: str, axes: int) -> tuple[int, ...]:
        """The shape of a tensor that must be there and have ``axes`` axes."""
        tensor = self.node.tensors.get(name)
        if tensor is None:
            raise LoadError(f"{self.at(name)} is missing; {MEND}")
        if tensor.ndim != axes:
            shape = list(tensor.shape)
            raise LoadError(f"{self.at(name)} has shape {shape}, not {axes} axes; {MEND}")
        return tuple(tensor.shape)

    def expect(self, name: str, wanted: object) -> None:
        """Refuse a file whose attribute is not ``wanted`` (a number: within a ten-thousandth)."""
        found = self.get(name, wanted)
        same = found == wanted
        if isinstance(wanted, float) and isinstance(found, int | float):
            same = math.isclose(found, wanted, rel_tol=1e-4)
        if not same:
            shown = reprlib.repr(found)  # which stops at great depths
            raise LoadError(f"{self.at(name)} is {shown}, only {wanted!r} is known; {MEND}")

    def at(self, name: str) -> str:
        """Where ``name`` lies in the network."""
        return f"{self.place}.{name}" if self.place else name


def stylegan3(root: Stored) -> config.StyleGAN3Config:
    """The configuration of a StyleGAN3 generator."""
    synthesis = root.module("synthesis")
    grid = synthesis.module("input")
    grid.module("affine").expect("bias_gain", 1.0)
    return config.StyleGAN3Config(
        resolution=root["img_resolution"],
        image_channels=root["img_channels"],
        mapping=mapping(root.module("mapping")),
        input=parts.FourierInputConfig(
            channels=grid["channels"],
            size=tuple(grid["size"]),
            rate=grid["sampling_rate"],
            bandwidth=grid["bandwidth"],
        ),
        synthesis=tuple(alias_free(synthesis, name) for name in synthesis.names("layer_names")),
        output_scale=synthesis["output_scale"],
    )


def mapping(stored: Stored) -> parts.MappingConfig:
    """The configuration of a mapping network, the generator's or the Canvas encoder's."""
    layers = [stored.module(f"fc{index}") for index in range(stored["num_layers"])]
    if not layers:
        raise LoadError(f"{stored.place} has no layers; {MEND}")
    multiplier = float(layers[0]["bias_gain"])
    for layer in layers:
        layer.expect("activation", "lrelu")
        layer.expect("bias_gain", multiplier)
        layer.expect("weight_gain", multiplier / math.sqrt(layer.shape("weight", 2)[1]))
    classes = stored["c_dim"]
    return parts.MappingConfig(
        z_dim=stored["z_dim"],
        c_dim=classes,
        num_ws=stored["num_ws"],
        features=tuple(layer.shape("weight", 2)[0] for layer in layers),
        embed_features=stored.module("embed").shape("weight", 2)[0] if classes else 0,
        learning_rate_multiplier=multiplier,
        w_avg_beta=stored.get("w_avg_beta", None),
    )


def alias_free(synthesis: Stored, name: str, receives: int = 0) -> parts.AliasFreeLayerConfig:
    """The configuration of one alias-free layer."""
    layer = synthesis.module(name)
    layer.module("affine").expect("bias_gain", 1.0)
    return parts.AliasFreeLayerConfig(
        name=name,
        is_rgb=layer["is_torgb"],
        in_channels=layer["in_channels"],
        out_channels=layer["out_channels"],
        skip_channels=layer.get("skip_channels", 0),
        receives=receives,
        kernel=layer["conv_kernel"],
        in_size=tuple(layer["in_size"]),
        out_size=tuple(layer["out_size"]),
        in_rate=layer["in_sampling_rate"],
        out_rate=layer["out_sampling_rate"],
        in_cutoff=layer["in_cutoff"],
        out_cutoff=layer["out_cutoff"],
        in_half_width=layer["in_half_width"],
        out_half_width=layer["out_half_width"],
        up=layer["up_factor"],
        down=layer["down_factor"],
        up_taps=layer["up_taps"],
        down_taps=layer["down_taps"],
        radial=layer["down_radial"],
        padding=tuple(layer["padding"]),
        clamp=layer["conv_clamp"],
        magnitude_beta=layer["magnitude_ema_beta"],
    )


def stylegan2(root: Stored) -> config.StyleGAN2Config:
    """The configuration of a StyleGAN2 generator with output skips."""
    synthesis = root.module("synthesis")
    resolutions = synthesis["block_resolutions"]
    return config.StyleGAN2Config(
        resolution=root["img_resolution"],
        image_channels=root["img_channels"],
        mapping=mapping(root.module("mapping")),
        blocks=tuple(_block(synthesis.module(f"b{size}")) for size in resolutions),
    )


def _block(block: Stored) -> parts.BlockConfig:
    block.expect("architecture", "skip")
    rgb = block.module("torgb")
    rgb.expect("weight_gain", 1 / math.sqrt(rgb.shape("weight", 4)[1]))
    names = [name for name in ("conv0", "conv1") if block.has(name)]
    return parts.BlockConfig(
        resolution=block["resolution"],
        convolutions=tuple(_noisy(block.module(name)) for name in names),
        rgb_clamp=rgb["conv_clamp"],
        filter_taps=block.shape("resample_filter", 2)[0],
    )


def _noisy(layer: Stored) -> parts.NoisyLayerConfig:
    layer.expect("activation", "lrelu")
    layer.module("affine").expect("bias_gain", 1.0)
    out_channels, in_channels, kernel, _ = layer.shape("weight", 4)
    return parts.NoisyLayerConfig(
        in_channels=in_channels,
        out_channels=out_channels,
        kernel=cast(Any, kernel),
        up=layer["up"],
        clamp=layer["conv_clamp"],
        noise=layer["use_noise"],
        gain=layer["act_gain"],
    )


def canvas(root: Stored) -> config.CanvasConfig:
    """The configuration of a StyleGAN-Canvas generator, in any of its layouts."""
    synthesis = root.module("synthesis")
    names = synthesis.names("layer_names")
    receives = synthesis.numbers("encoder_receive", len(names))
    layers = tuple(
        alias_free(synthesis, name, skip) for name, skip in zip(names, receives, strict=True)
    )
    bottleneck = synthesis.module("input")
    out_channels, in_channels, _, _ = bottleneck.module("conv").shape("weight", 4)
    return config.CanvasConfig(
        resolution=root["img_resolution"],
        image_channels=root["img_channels"],
        mapping=mapping(root.module("mapping")),
        encoder=_encoder(root),
        input=parts.BottleneckConfig(
            in_channels=in_channels,
            out_channels=out_channels,
            padding=bottleneck["padding"],
            rate=layers[0].in_rate,
        ),
        synthesis=layers,
        output_scale=synthesis["output_scale"],
        encoder_ws=root["replace_w_num"],
    )


def _encoder(root: Stored) -> config.EncoderConfig:
    encoder = root.module("appended_net")
    names = encoder.names("down_names")
    connected = encoder.numbers("encoder_connect_to", len(names))
    _, height, width = root.numbers("p_dim", 3)
    return config.EncoderConfig(
        size=(width, height),
        projection=_convolution(encoder.module("in_proj")),
        blocks=tuple(
            _residual(encoder.module(name), name, bool(skip))
            for name, skip in zip(names, connected, strict=True)
        ),
        mapping=mapping(encoder.module("epilogue").module("mapping")),
    )


def _residual(block: Stored, name: str, gives_skip: bool) -> parts.ResidualBlockConfig:
    return parts.ResidualBlockConfig(
        name=name,
        conv1=_convolution(block.module("conv1")),
        conv2=_convolution(block.module("conv2")),
        shortcut=_convolution(block.module("skip_mapping")),
        gain=block["gain_sqrt"],
        norm_epsilon=_norm_epsilon(block),
        gives_skip=gives_skip,
    )


def _convolution(layer: Stored) -> parts.ConvolutionConfig:
    out_channels, in_channels, kernel, _ = layer.shape("weight", 4)
    layer.expect("padding", kernel // 2)
    layer.expect("weight_gain", 1 / math.sqrt(in_channels * kernel**2))
    return parts.ConvolutionConfig(
        in_channels=in_channels,
        out_channels=out_channels,
        kernel=cast(Any, kernel),
        stride=layer["stride"],
        slope=layer.module("act")["negative_slope"] if layer.has("act") else None,
        clamp=layer["clamp"],
        norm_epsilon=_norm_epsilon(layer),
    )


def _norm_epsilon(stored: Stored) -> float | None:
    if not stored.has("batch_norm"):
        return None
    return cast(float, stored.module("batch_norm")["eps"])
