"""Lanes: channels of a fresh network that carry the condition through it unchanged.

A network of random kernels lets little of a picture through, and most of a short training goes by
until it does. Here some channels begin as pairs of opposite signs, since a leaky ReLU leaves their
difference alone: lrelu(x) - lrelu(-x) = (1 + slope) x. The block of the encoder that halves the
condition splits its colours into Haar wavelets, low and high; the low ones run on through the
generator's last layers, where least squares find them. Where there is a full skip, it brings the
colours instead, or the contours alone, in lanes of its own beside those. Behind an equaliser those
are exactly what the coarser way loses, stronger by as much as filters on the way take. So a
training begins with the picture, as far as it can be seen in the condition, and learns what is
missing. All else is as random as it was.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

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
_WAVELETS = [wavelet * (_DETAIL if band else 1.0) for band, wavelet in enumerate(_HAAR)]
_ITSELF = torch.ones(1, 1)
_LIFT = 3.0  # more than a picture falls below zero
_MOST_EMPHASIS = 8.0
_SMOOTH = torch.tensor([1.0, 2.0, 1.0]).div(4)
# The pixel less what is around it. The lowest frequencies stay with the coarser skip, so that
# what bends the layers in between bends the picture.
_CONTOURS = torch.eye(3)[1].outer(torch.eye(3)[1]) - _SMOOTH.outer(_SMOOTH)


class _Way(NamedTuple):
    """The layers behind a skip, and which of its channels and of theirs are lanes.

    Attributes:
        layers: the one that the skip joins, and all after it.
        source: the first lane in the skip.
        target: the first lane in what the layers give.
    """

    layers: list[AliasFreeLayer]
    source: int
    target: int


@torch.no_grad()
def lay(network: Canvas, *, shared: bool = False) -> bool:
    """Lay lanes into a fresh ``network``; False where it has no room for them.

    ``shared`` is whether a full skip leaves the picture to the coarser one, and adds contours;
    with an equaliser it always does.
    """
    plan = _plan(network, shared)
    if not _has_room(network, plan):
        return False
    _through_encoder(network, plan)
    for way in plan.ways:
        _through_layers(way, plan.lanes)
    plan.ways[0].layers[-1].affine.weight[: plan.lanes * len(plan.ways)] = 0
    if network.encoder.equaliser is not None and len(plan.ways) > 1:
        network.encoder.equaliser.fine.copy_(_fine(network, plan.ways))
    return True


class _Plan(NamedTuple):
    """Which channels become lanes.

    Attributes:
        lanes: how many carry three colours.
        inputs: the channels of the projection that are carried, colour by colour.
        bands: what each of the first blocks of the encoder parts the colours into.
        ways: the way of the finest skip; where it is shared, that of the next one before it.
    """

    lanes: int
    inputs: list[int]
    bands: list[list[Tensor]]
    ways: list[_Way]


def _plan(network: Canvas, shared: bool) -> _Plan:
    encoder = network.config.encoder
    colours, has_full = encoder.condition_channels, encoder.blocks[0].stride == 1
    is_equalised = encoder.equaliser_bands > 0
    shared = has_full and (shared or is_equalised)
    first = colours if is_equalised else 0
    pictures = 2 if is_equalised and shared else 1
    inputs = list(range(first, first + pictures * colours))
    if not has_full:
        bands = [_WAVELETS]
    elif not shared:
        bands = [[_ITSELF]]
    else:
        bands = [[_ITSELF] if is_equalised else [_ITSELF, _CONTOURS], _WAVELETS]
    lanes = len(_SIGNS) * colours
    return _Plan(lanes, inputs, bands, _ways(network, lanes, shared=shared))


def _ways(network: Canvas, lanes: int, *, shared: bool) -> list[_Way]:
    configs = network.config.synthesis
    layers = [getattr(network.synthesis, layer.name) for layer in configs]
    joins = sorted((layer.receives, place) for place, layer in enumerate(configs))
    finest = [layers[place:] for _, place in joins[::-1]]
    if shared:
        return [_Way(finest[1], 0, 0), _Way(finest[0], lanes, lanes)]
    return [_Way(finest[0], 0, 0)]


def _has_room(network: Canvas, plan: _Plan) -> bool:
    encoder = network.config.encoder
    finest = sum(block.gives_skip for block in encoder.blocks)
    joined = [way.layers[0].config.receives for way in plan.ways]
    used = encoder.blocks[: len(plan.bands)]
    carried = [len(_SIGNS) * len(plan.inputs), plan.lanes]  # by the first block, and the next
    has_taps = all(block.conv2.kernel == 3 and block.norm_epsilon is not None for block in used)
    layers = plan.ways[0].layers[1:-1]
    is_wide = all(layer.config.out_channels >= 2 * plan.lanes for layer in layers)
    fits = all(
        block.conv1.out_channels >= lanes and block.conv2.out_channels >= len(parts) * lanes
        for block, parts, lanes in zip(used, plan.bands, carried, strict=False)
    )
    is_near = joined[::-1] == list(range(finest, finest - len(plan.ways), -1))
    return is_near and has_taps and is_wide and fits


def _through_encoder(network: Canvas, plan: _Plan) -> None:
    """Through the first blocks, each of which parts the colours into bands."""
    encoder, count = network.encoder, network.config.encoder.condition_channels
    # Above zero, where the projection's own leaky ReLU changes nothing.
    encoder.in_proj.bias.fill_(_LIFT)
    encoder.in_proj.weight.zero_()
    for place, channel in enumerate(plan.inputs):
        _set(encoder.in_proj, place, channel, _ITSELF)
    colours = [[(place, 1.0)] for place in range(len(plan.inputs))]
    for block, parts in zip(network.config.encoder.blocks, plan.bands, strict=False):
        _through_block(getattr(encoder, block.name), colours, parts)
        colours = [[(2 * colour, 1.0), (2 * colour + 1, -1.0)] for colour in range(count)]


def _fine(network: Canvas, ways: Sequence[_Way]) -> Tensor:
    """How much of each band of an equaliser the finest skip has to add, for all to arrive.

    That is what the coarser way loses, over what the layers of the finer let through.
    """
    encoder = network.config.encoder
    reach = encoder.size[0] / math.sqrt(2)  # of the highest band, in cycles across the picture
    radius = torch.linspace(0, reach, encoder.equaliser_bands, dtype=torch.float64)
    coarser, finer = (torch.ones_like(radius) for _ in ways)
    for direction in (math.cos(math.pi / 8), math.sin(math.pi / 8)):  # between straight and askew
        cycles = radius * direction
        coarser *= _passed(ways[0].layers, cycles) * torch.cos(math.pi * cycles / encoder.size[0])
        finer *= _passed(ways[1].layers, cycles)
    return ((1 - coarser) / finer.clamp_min(1 / _MOST_EMPHASIS)).clamp_min(0)


def _passed(layers: Sequence[AliasFreeLayer], cycles: Tensor) -> Tensor:
    """The share of a wave along an axis, by cycles across the picture, that the filters pass."""
    share = torch.ones_like(cycles)
    for layer in layers:
        config = layer.config
        share *= _response(layer.up_filter, cycles / (config.in_rate * config.up))
        share *= _response(layer.down_filter, cycles / (config.out_rate * config.down))
    return share


def _response(taps: Tensor | None, frequency: Tensor) -> Tensor:
    """The gain of a filter, or of rows of one, at cycles per tap."""
    if taps is None:
        return torch.ones_like(frequency)
    line = taps.double() if taps.ndim == 1 else taps.double().sum(0)
    angles = 2 * math.pi * torch.outer(frequency, torch.arange(len(line), dtype=torch.float64))
    return torch.polar(line / line.sum(), angles).sum(1).abs()


def _through_block(
    block: ResidualBlock, colours: Sequence[Sequence[tuple[int, float]]], bands: Sequence[Tensor]
) -> None:
    """Pairs of lanes of each colour, a sum of shares of inputs, seen through each of ``bands``."""
    for colour, inputs in enumerate(colours):
        for sign, each in enumerate(_SIGNS):
            lane = 2 * colour + sign
            block.conv1.weight[lane] = 0
            for channel, share in inputs:
                _set(block.conv1, lane, channel, each * share * _ITSELF)
            for band, taps in enumerate(bands):
                out = 2 * len(colours) * band + lane
                block.conv2.weight[out] = 0
                block.skip_mapping.weight[out] = 0
                _set(block.conv2, out, 2 * colour, each * taps)
                _set(block.conv2, out, 2 * colour + 1, -each * taps)


def _set(convolution: Convolution, out: int, channel: int, taps: Tensor) -> None:
    """Taps about the middle of a kernel, as they are to weigh; two of them lie down and right."""
    weight = convolution.weight
    length = weight[0].numel() ** 0.5  # by which an equalised kernel is divided
    height, width = taps.shape
    top, left = ((weight.shape[-1] - side + 1) // 2 for side in taps.shape)
    weight[out, channel, top : top + height, left : left + width] = taps * length


def _through_layers(way: _Way, lanes: int) -> None:
    source = way.layers[0].config.out_channels + way.source  # the skip lies behind its layer's own
    for layer in way.layers[1:-1]:
        _through_layer(layer, source, way.target, lanes)
        source = way.target


def _through_layer(layer: AliasFreeLayer, source: int, target: int, lanes: int) -> None:
    """From inputs ``source`` and on to outputs ``target`` and on, whatever w is."""
    weight = layer.weight
    middle = weight.shape[-1] // 2
    length = (weight[0].numel() / 2) ** 0.5  # as long as other kernels, so that they learn alike
    layer.affine.weight[source : source + lanes] = 0
    weight[target : target + lanes] = 0
    for lane in range(lanes):
        first = source + lane // 2 * 2
        sign = _SIGNS[lane % 2]
        weight[target + lane, first, middle, middle] = sign * length
        weight[target + lane, first + 1, middle, middle] = -sign * length
