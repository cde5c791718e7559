"""Lanes: channels of a fresh network that carry the condition through it unchanged.

A network of random kernels lets little of a picture through, and most of a short training goes by
until it does. Here some channels begin as pairs of opposite signs, since a leaky ReLU leaves their
difference alone: lrelu(x) - lrelu(-x) = (1 + slope) x. The encoder's first block hands the colours
on, or splits them into Haar wavelets, low and high, where it halves the map; the low ones run on
through the generator's last layers, where least squares find them. So a training begins with the
blurred picture, and learns what is missing. All else is as random as it was.
"""

import torch
from torch import Tensor

from model.alias_free import AliasFreeLayer
from model.canvas import Canvas
from model.encoder import Convolution, ResidualBlock

_SIGNS = (1.0, -1.0)
_DETAIL = 3.0  # how much stronger the high wavelets are than the low ones: they are fainter
# By down and right: the mean of four pixels, and what differs across, down and crosswise.
_HAAR = torch.tensor(
    [[[1, 1], [1, 1]], [[1, -1], [1, -1]], [[1, 1], [-1, -1]], [[1, -1], [-1, 1]]]
).div(4)


@torch.no_grad()
def lay(network: Canvas) -> bool:
    """Lay lanes into a fresh ``network``; False where it has no room for them."""
    colours = network.config.encoder.projection.in_channels
    path = _path(network)
    if not _has_room(network, path, 2 * colours):
        return False
    _through_encoder(network, colours)
    before = path[0].config.out_channels  # the skip lies behind these
    for layer in path[1:-1]:
        _through_layer(layer, before, 2 * colours)
        before = 0
    path[-1].affine.weight[: 2 * colours] = 0
    return True


def _path(network: Canvas) -> list[AliasFreeLayer]:
    """The layer that takes the finest skip, and all after it."""
    configs = network.config.synthesis
    last = max(place for place, layer in enumerate(configs) if layer.receives)
    return [getattr(network.synthesis, layer.name) for layer in configs[last:]]


def _has_room(network: Canvas, path: list[AliasFreeLayer], lanes: int) -> bool:
    block = network.config.encoder.blocks[0]
    finest = max(layer.receives for layer in network.config.synthesis)
    gives = [each.gives_skip for each in network.config.encoder.blocks].count(True)
    is_near = block.gives_skip and finest == gives and block.conv2.stride in (1, 2)
    has_taps = block.conv2.kernel == 3 and block.norm_epsilon is not None
    is_wide = all(layer.config.out_channels >= 2 * lanes for layer in path[1:-1])
    bands = len(_bands(block.conv2.stride))
    room = block.conv1.out_channels >= lanes and block.conv2.out_channels >= bands * lanes
    return is_near and has_taps and is_wide and room


def _bands(stride: int) -> Tensor:
    """Kernels that part a colour into bands: wavelets where its map shrinks, else one pixel."""
    return _HAAR if stride == 2 else torch.ones(1, 1, 1)


def _through_encoder(network: Canvas, colours: int) -> None:
    encoder = network.encoder
    block: ResidualBlock = getattr(encoder, network.config.encoder.blocks[0].name)
    # Above zero, where the projection's own leaky ReLU changes nothing.
    encoder.in_proj.bias.fill_(1.0)
    encoder.in_proj.weight.zero_()
    for colour in range(colours):
        _set(encoder.in_proj, colour, colour, torch.ones(1, 1))
        for sign, each in enumerate(_SIGNS):
            block.conv1.weight[2 * colour + sign] = 0
            _set(block.conv1, 2 * colour + sign, colour, each * torch.ones(1, 1))
            for band, wavelet in enumerate(_bands(block.config.conv2.stride)):
                out = 2 * (colours * band + colour) + sign
                block.conv2.weight[out] = 0
                block.skip_mapping.weight[out] = 0
                strength = each * wavelet * (_DETAIL if band else 1.0)
                _set(block.conv2, out, 2 * colour, strength)
                _set(block.conv2, out, 2 * colour + 1, -strength)


def _set(convolution: Convolution, out: int, channel: int, taps: Tensor) -> None:
    """Taps from the middle of a kernel on, down and right, as they are to weigh."""
    weight = convolution.weight
    middle = weight.shape[-1] // 2
    length = weight[0].numel() ** 0.5  # by which an equalised kernel is divided
    height, width = taps.shape
    weight[out, channel, middle : middle + height, middle : middle + width] = taps * length


def _through_layer(layer: AliasFreeLayer, before: int, lanes: int) -> None:
    """From inputs ``before`` and on to the first outputs, whatever w is."""
    weight = layer.weight
    middle = weight.shape[-1] // 2
    length = (weight[0].numel() / 2) ** 0.5  # as long as other kernels, so that they learn alike
    layer.affine.weight[before : before + lanes] = 0
    weight[:lanes] = 0
    for lane in range(lanes):
        first = before + lane // 2 * 2
        sign = _SIGNS[lane % 2]
        weight[lane, first, middle, middle] = sign * length
        weight[lane, first + 1, middle, middle] = -sign * length
