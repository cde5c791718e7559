"""Whether the parts of a configuration fit together, so that a network that loads also plays."""

from collections.abc import Iterator, Sequence

from model.config import CanvasConfig, Config, EncoderConfig, StyleGAN2Config, StyleGAN3Config
from model.config_parts import AliasFreeLayerConfig, ConvolutionConfig, MappingConfig


def misfit(config: Config) -> str | None:
    """The first thing that does not fit, in a few words; None where all does."""
    return next(_misfits(config), None)


def _misfits(config: Config) -> Iterator[str]:
    yield from _mapping("mapping", config.mapping)
    match config:
        case StyleGAN2Config():
            yield from _blocks(config)
        case StyleGAN3Config():
            yield from _alias_free(config, config.input.channels)
            yield from _equal("input.size", config.input.size, config.synthesis[0].in_size)
        case CanvasConfig():
            yield from _alias_free(config, config.input.out_channels)
            yield from _encoder(config)
            yield from _skips(config)


def _equal(what: str, found: object, fitting: object) -> Iterator[str]:
    if found != fitting:
        yield f"{what} is {found} where {fitting} fits"


def _distinct(names: Sequence[str]) -> Iterator[str]:
    yield from (
        f"two layers are called {name}" for index, name in enumerate(names) if name in names[:index]
    )


def _mapping(place: str, mapping: MappingConfig) -> Iterator[str]:
    if mapping.c_dim and not mapping.embed_features:
        yield f"{place}.embed_features is 0 where there are classes"
    if mapping.embed_features and not mapping.c_dim:
        yield f"{place}.embed_features is {mapping.embed_features} where there are no classes"
    if not mapping.z_dim and not mapping.c_dim:
        yield f"{place} has neither a z nor classes"


def _blocks(config: StyleGAN2Config) -> Iterator[str]:
    channels = config.blocks[0].convolutions[0].in_channels
    resolution = config.blocks[0].resolution
    for index, block in enumerate(config.blocks):
        yield from _equal(f"{block.name}.resolution", block.resolution, resolution << index)
        for name, layer in zip(block.convolution_names, block.convolutions, strict=True):
            place = f"{block.name}.{name}"
            yield from _equal(f"{place}.in_channels", layer.in_channels, channels)
            yield from _equal(f"{place}.up", layer.up, 2 if name == "conv0" and index else 1)
            channels = layer.out_channels
        yield from _equal(f"{block.name}: convolutions", len(block.convolutions), 1 + bool(index))
    yield from _equal("resolution", config.resolution, config.blocks[-1].resolution)
    rows = sum(len(block.convolutions) for block in config.blocks) + 1
    yield from _equal("num_ws", config.num_ws, rows)


def _alias_free(config: StyleGAN3Config | CanvasConfig, channels: int) -> Iterator[str]:
    size = config.synthesis[0].in_size
    yield from _distinct(config.layers)
    for layer in config.synthesis:
        yield from _filters(layer)
        yield from _equal(f"{layer.name}.in_channels", layer.in_channels, channels)
        yield from _equal(f"{layer.name}.in_size", layer.in_size, size)
        yield from _equal(f"{layer.name}.out_size", layer.out_size, _painted(layer))
        channels, size = layer.out_channels + layer.skip_channels, layer.out_size
    yield from _equal("image_channels", config.image_channels, channels)
    yield from _equal("resolution", (config.resolution, config.resolution), size)
    yield from _equal("num_ws", config.num_ws, len(config.synthesis) + 1)


def _filters(layer: AliasFreeLayerConfig) -> Iterator[str]:
    """Where no filter can be designed: a band beyond half the rate, or a radial one's odd taps."""
    name, up_rate, down_rate = layer.name, layer.in_rate * layer.up, layer.out_rate * layer.down
    if layer.up_taps > 1:
        yield from _below(f"{name}.in_cutoff", layer.in_cutoff, up_rate / 2)
        yield from _below(f"{name}.in_half_width", layer.in_half_width, up_rate / 2)
    if layer.down_taps > 1:
        yield from _below(f"{name}.out_cutoff", layer.out_cutoff, down_rate / 2)
        yield from _below(f"{name}.out_half_width", layer.out_half_width, down_rate / 2)
        if layer.radial and layer.down_taps % 2:
            yield f"{name}.down_taps is {layer.down_taps}, odd in a radial filter"


def _below(what: str, found: float, limit: float) -> Iterator[str]:
    if found >= limit:
        yield f"{what} is {found} where less than {limit} fits"


def _painted(layer: AliasFreeLayerConfig) -> tuple[int, int]:
    """[width, height] that the layer makes of its native input."""
    x0, x1, y0, y1 = layer.padding

    def side(size: int, padding: int) -> int:
        upsampled = (size + layer.kernel - 1) * layer.up + padding - layer.up_taps + 1
        return (upsampled - layer.down_taps) // layer.down + 1

    return side(layer.in_size[0], x0 + x1), side(layer.in_size[1], y0 + y1)


def _encoder(config: CanvasConfig) -> Iterator[str]:
    encoder = config.encoder
    channels = encoder.projection.out_channels
    yield from _distinct(encoder.layers)
    if encoder.equaliser_bands == 1:
        yield "equaliser_bands is 1, where two are the fewest"
    if encoder.equaliser_bands and encoder.projection.in_channels % 3:
        yield "behind an equaliser the projection sees three pictures: a third in_channels of each"
    yield from _mapping("encoder.mapping", encoder.mapping)
    for block in encoder.blocks:
        yield from _chain(block.name, (block.conv1, block.conv2), channels)
        yield from _chain(block.name, (block.shortcut,), channels)
        channels = block.conv2.out_channels
        yield from _equal(f"{block.name}.shortcut", block.shortcut.out_channels, channels)
        yield from _equal(f"{block.name}.stride", block.shortcut.stride, block.stride)
    yield from _equal("encoder.w_dim", encoder.mapping.w_dim, config.w_dim)
    yield from _equal("encoder.c_dim", encoder.mapping.c_dim, 0)
    if config.encoder_ws > min(encoder.mapping.num_ws, config.num_ws):
        yield f"encoder_ws is {config.encoder_ws}, more than there are rows"


def _chain(place: str, layers: Sequence[ConvolutionConfig], channels: int) -> Iterator[str]:
    for layer in layers:
        yield from _equal(f"{place}: in_channels", layer.in_channels, channels)
        channels = layer.out_channels


def _skips(config: CanvasConfig) -> Iterator[str]:
    skips = skip_sizes(config.encoder)
    if not skips:
        yield "the encoder gives no skip"
        return
    margin = 2 * config.input.padding
    yield from _equal("input.in_channels", config.input.in_channels, skips[0][0])
    for layer in config.synthesis:
        if layer.receives > len(skips):
            yield f"{layer.name} receives skip {layer.receives} of {len(skips)}"
            return
        given = skips[layer.receives - 1] if layer.receives else (0, (0, 0))
        yield from _equal(f"{layer.name}.skip_channels", layer.skip_channels, given[0])
        if layer.receives:
            wanted = (layer.in_size[0] - margin, layer.in_size[1] - margin)
            yield from _equal(f"{layer.name}: size of its skip", given[1], wanted)
    first = config.synthesis[0].in_size
    yield from _equal("size of skip 0", skips[0][1], (first[0] - margin, first[1] - margin))


def skip_sizes(encoder: EncoderConfig) -> list[tuple[int, tuple[int, int]]]:
    """Channels and native [width, height] of each skip, deepest first."""
    stride, found = encoder.projection.stride, []
    for block in encoder.blocks:
        stride *= block.stride
        if block.gives_skip:
            size = (encoder.size[0] // stride, encoder.size[1] // stride)
            found.append((block.conv2.out_channels, size))
    return found[::-1]
