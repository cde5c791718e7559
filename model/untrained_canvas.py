"""A Canvas network that was never trained: random weights, drawn so that it is worth looking at.

It paints at once, without any file: the condition shines through the skips, and w colours it. The
weights come from numpy's legacy generator, whose stream never changes, so that one seed gives one
network with every version of torch.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import cuda_ops
from model import schedule
from model.alias_free import AliasFreeLayer
from model.canvas import Canvas
from model.config import CanvasConfig
from model.encoder import BatchNorm, Convolution
from model.layers import drawn
from model.mapping import Mapping
from model.schedule import Variant

# How much of a 3x3 kernel lies beside its middle: less keeps contours sharp, more lets them flow.
SPREAD = 0.35
BIAS = 0.4
# How far w moves the styles: freely in the coarse layers, little in those that set the colours.
FIRST_SWING, LAST_SWING = 0.4, 0.1
# Standard deviations of the picture, of 2 between black and white.
BRIGHTNESS, COLOUR = 0.36, 0.24
SAMPLES = 6


def untrained(
    seed: int,
    *,
    resolution: int = 256,
    condition_size: int | None = None,
    channel_base: int | None = None,
    channel_max: int = 128,
    variant: Variant = "t",
) -> Canvas:
    """A Canvas network with random weights, ready to play in float32 on the CPU.

    Args:
        seed: 0 … 2**32 - 1.
        resolution: pixels of the native picture's side.
        condition_size: pixels of the native condition's side; None is the resolution.
        channel_base, channel_max: the budget, see `schedule.canvas`; by default 16 times the
            resolution and 128, which the native kernels play on two cores at 256 x 256.

    Raises:
        ValueError: a condition size that is no power of two, or too few channels.
    """
    channel_base = channel_base or 16 * resolution
    config = schedule.canvas(
        resolution, channel_base, channel_max, condition_size=condition_size, variant=variant
    )
    if config.synthesis[-1].in_channels < 3:
        raise ValueError(f"channel_base is {channel_base}: too few for three colours at the end")
    return untrained_like(config, seed)


def untrained_like(config: CanvasConfig, seed: int) -> Canvas:
    """The same for a configuration at hand, of three channels in and out."""
    with torch.random.fork_rng():
        network = drawn(Canvas(config))
    network.eval().requires_grad_(False)
    random = np.random.RandomState(seed)
    for module in network.modules():
        _draw(module, random)
    _let_w_in(network, random)
    with cuda_ops.choose("portable"):  # the same network, whichever path is to play it
        _balance(network, random)
    return network


def _normal(random: np.random.RandomState, *shape: int) -> Tensor:
    return torch.from_numpy(random.standard_normal(shape)).to(torch.float32)


def _draw(module: nn.Module, random: np.random.RandomState) -> None:
    """Weights of unit variance where the learning rate is equalised, of unit gain elsewhere."""
    match module:
        case AliasFreeLayer() | Convolution():
            weight = _normal(random, *module.weight.shape)
            module.weight.copy_(weight * _focus(weight.shape[-1]))
            module.bias.copy_(BIAS * _normal(random, *module.bias.shape))
        case nn.Linear() | nn.Conv2d():
            weight = _normal(random, *module.weight.shape) / math.sqrt(module.weight[0].numel())
            module.load_state_dict({"weight": weight, "bias": torch.zeros(len(weight))})
        case Mapping():
            for layer in module.layers:
                drawn = _normal(random, *layer.weight.shape)
                layer.weight.copy_(drawn / module.config.learning_rate_multiplier)


def _focus(kernel: int) -> Tensor:
    """1 in the middle of a kernel, `SPREAD` around it."""
    weights = torch.full((kernel, kernel), SPREAD)
    weights[kernel // 2, kernel // 2] = 1.0
    return weights


def _let_w_in(network: Canvas, random: np.random.RandomState) -> None:
    """The styles follow w, and the average w is known."""
    names = network.config.layers[1:]
    for name, swing in zip(names, np.linspace(FIRST_SWING, LAST_SWING, len(names)), strict=True):
        layer: AliasFreeLayer = getattr(network.synthesis, name)
        layer.affine.weight.copy_(swing * _normal(random, *layer.affine.weight.shape))
    latents = network.mapping(_normal(random, 256, network.config.z_dim))
    network.mapping.w_avg.copy_(latents[:, 0].mean(0))


def _balance(network: Canvas, random: np.random.RandomState) -> None:
    """Set every normalisation, and the colours, by painting made-up conditions once.

    They are as small as the encoder takes them, since a performer waits for this.
    """
    condition = _clouds(random, network.config.encoder.least[0])
    w = network.mapping(_normal(random, SAMPLES, network.config.z_dim))
    hooks = [
        module.register_forward_pre_hook(_measure)
        for module in network.modules()
        if isinstance(module, BatchNorm | AliasFreeLayer)
    ]
    before_rgb = network.config.layers[-2]
    code = network.encoder(condition)
    _, features = network.synthesis(w, code, features=[before_rgb])
    for hook in hooks:
        hook.remove()
    _colour(network, w, features[before_rgb], condition, random.uniform(0, 2 * math.pi))


def _measure(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    match module:
        case BatchNorm():
            variance, mean = torch.var_mean(inputs[0], [0, 2, 3])
            module.running_mean.copy_(mean)
            module.running_var.copy_(variance)
        case AliasFreeLayer():
            module.magnitude_ema.copy_(inputs[0].square().mean())


def _clouds(random: np.random.RandomState, side: int) -> Tensor:
    """Smooth random pictures [SAMPLES, 3, side, side], with more in the large than in the small."""
    octaves = [
        F.interpolate(_normal(random, SAMPLES, 3, cells, cells), (side, side), mode="bicubic")
        for cells in (3, 12, 48)
    ]
    return (0.5 * octaves[0] + 0.25 * octaves[1] + 0.15 * octaves[2]).clamp(-1, 1)


def _colour(network: Canvas, w: Tensor, features: Tensor, condition: Tensor, hue: float) -> None:
    """Paint what varies most: the first direction as brightness, two more as opponent colours."""
    rgb: AliasFreeLayer = getattr(network.synthesis, network.config.layers[-1])
    gain = (rgb.magnitude_ema * features.shape[1]).rsqrt()
    features = _overview(features * rgb.affine(w[:, -1])[:, :, None, None] * gain)
    brightness = _overview(condition).mean(1, keepdim=True)
    mix = _directions(features, brightness) @ _palette(hue).t() / network.config.output_scale
    rgb.weight.copy_(mix.t()[:, :, None, None])
    rgb.bias.copy_(-features.mean([0, 2, 3]) @ mix)


def _overview(x: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(x, 64)


def _directions(features: Tensor, brightness: Tensor) -> Tensor:
    """Three directions in feature space [C, 3], each of unit deviation.

    They vary much within a picture and little from one w to the next, and they grow with the
    brightness of the condition.
    """
    mean = features.mean([2, 3])
    within = (features - mean[:, :, None, None]).movedim(1, 3).flatten(0, 2)
    between = torch.cov(mean.t(), correction=0)
    inside = torch.cov(within.t(), correction=0)
    noise = between + inside.diagonal().mean() * torch.eye(len(inside))
    root = torch.linalg.inv(torch.linalg.cholesky(noise))
    _, vectors = torch.linalg.eigh(root @ inside @ root.t())
    directions: Tensor = root.t() @ vectors[:, -3:].flip(1)
    deviation = (directions * ((inside + between) @ directions)).sum(0).sqrt()
    contrast = brightness - brightness.mean([2, 3], keepdim=True)
    sense = torch.sign(directions.t() @ within.t() @ contrast.movedim(1, 3).flatten(0, 2))
    return directions * sense.t() / deviation


def _palette(hue: float) -> Tensor:
    """Red, green and blue of a brightness and of two opponent colours turned by ``hue``: [3, 3]."""
    angles = hue + 2 * math.pi / 3 * torch.arange(3)
    colours = COLOUR * torch.stack([angles.cos(), angles.sin()], 1)
    return torch.cat([torch.full((3, 1), BRIGHTNESS), colours], 1)
