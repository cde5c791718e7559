"""Whatever a stranger's file says, a network is built from it, or refused in one short line."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from model import pickles
from model.config import to_dict
from model.errors import LoadError
from model.network import Network
from model.networks import assemble, build, from_config
from model.schedule import canvas, stylegan3
from model.tree import Node

PICKLES = Path(__file__).parents[1] / "golden" / "pickles"
NODES = {
    name: next(iter(filter(None, pickles.read(next(PICKLES.rglob(f"{name}*.pkl"))).values())))
    for name in ("stylegan3_r", "stylegan2", "canvas_t")
}
NETWORKS = {name: build(node) for name, node in NODES.items()}
Place = tuple[str | int, ...]

DEEP: list[Any] = []
for _ in range(5000):
    DEEP = [DEEP]

ODD = st.one_of(
    st.sampled_from([10**4000, -(10**400), 1 << 62, 0, -1, 2, 3, [], {}, None, b"\xff"]),
    st.sampled_from(["", "L0\nL1", "\x1b[2J", "\ud800", "x" * 100_000, "__class__", "L1_2"]),
    st.floats(),
    st.booleans(),
    st.integers(),
    st.lists(st.integers(-4, 1 << 20), max_size=5),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)
QUICK = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def answered(make: Callable[[], Network]) -> None:
    """There is a network, or one short line that says what is wrong and the mend."""
    try:
        make()
    except LoadError as error:
        message = str(error)
        assert message.isprintable()
        assert len(message) <= 600
        assert "; " in message


def places(value: object, place: Place = ()) -> Iterator[Place]:
    """Everything in a configuration."""
    yield place
    match value:
        case dict():
            for key, part in value.items():
                yield from places(part, (*place, key))
        case list():
            for index, part in enumerate(value):
                yield from places(part, (*place, index))


def with_value(values: Any, place: Place, value: object) -> Any:
    if not place:
        return value
    changed = copy.copy(values)
    changed[place[0]] = with_value(values[place[0]], place[1:], value)
    return changed


@pytest.mark.parametrize("name", NETWORKS)
@QUICK
@given(st.data())
def test_any_configuration_is_answered(name: str, data: st.DataObject) -> None:
    network = NETWORKS[name]
    values = to_dict(network.config)
    chosen = data.draw(st.lists(st.sampled_from(list(places(values))[1:]), min_size=1, max_size=2))
    for place in sorted(chosen, key=len, reverse=True):
        values = with_value(values, place, data.draw(ODD))
    answered(lambda: assemble(values, network.state_dict()))


@given(st.dictionaries(st.text(max_size=8) | st.just("family"), ODD, max_size=4))
@example({"family": ["stylegan3"]})
@example({"family": 10**4000})
@QUICK
def test_any_dictionary_is_answered(values: dict[str, Any]) -> None:
    answered(lambda: from_config(values))


def modules(node: Node, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield place
    for name, part in node.modules.items():
        yield from modules(part, (*place, name))


def changed(node: Node, place: tuple[str, ...], change: Callable[[Node], Node]) -> Node:
    if not place:
        return change(node)
    part = changed(node.modules[place[0]], place[1:], change)
    parts: Mapping[str, Node] = {**node.modules, place[0]: part}
    return replace(node, modules=parts)


SHAPES = st.lists(st.integers(0, 4), max_size=5)
TYPES = st.sampled_from([torch.float16, torch.float64, torch.int64, torch.bool, torch.complex64])


@st.composite
def damages(draw: st.DrawFn) -> Callable[[Node], Node]:
    """A change of one thing in a module: what it is called, holds, or says."""
    field = draw(st.sampled_from(["class_name", "tensors", "modules", *["attributes"] * 4]))
    value: object = None
    if field == "tensors" and draw(st.booleans()):
        value = torch.zeros(draw(SHAPES), dtype=draw(TYPES))
    elif field != "tensors":
        value = draw(ODD | st.just(DEEP))
    chosen = draw(st.integers(0, 100))

    def change(node: Node) -> Node:
        if field == "class_name":
            return replace(node, class_name=str(value)[:1000] if field is value else "G\x1b\n")
        held: dict[str, Any] = dict(getattr(node, field))
        if held:
            key = sorted(held)[chosen % len(held)]
            if field == "modules":
                del held[key]
            else:
                held[key] = value
        return replace(node, **{field: held})

    return change


@pytest.mark.parametrize("name", NODES)
@QUICK
@given(st.data())
def test_any_tree_is_answered(name: str, data: st.DataObject) -> None:
    node = NODES[name]
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from(list(modules(node))))
        node = changed(node, place, data.draw(damages()))
    answered(lambda: build(node))


def refusal(values: Any) -> str:
    with pytest.raises(LoadError) as caught:
        from_config(values)
    return str(caught.value)


@pytest.mark.parametrize("value", [[16] * 100_000, DEEP, 10**400], ids=["long", "deep", "huge"])
def test_what_is_wrong_is_told_in_short(value: object) -> None:
    values = to_dict(NETWORKS["canvas_t"].config)
    answered(lambda: from_config({**values, "resolution": value}))

    def change(node: Node) -> Node:
        return replace(node, attributes={**node.attributes, "bias_gain": value})

    broken = changed(NODES["stylegan3_r"], ("synthesis", "input", "affine"), change)
    answered(lambda: build(broken))


def test_two_layers_of_one_name_are_refused() -> None:
    generator, whole = stylegan3(32, 256, 8), canvas(32, 256, 8)
    twice = tuple(replace(layer, name="L3_5") for layer in generator.synthesis)
    assert "two layers are called L3_5" in refusal(replace(generator, synthesis=twice))
    blocks = tuple(replace(block, name="AL0_8") for block in whole.encoder.blocks)
    encoder = replace(whole.encoder, blocks=blocks)
    assert "two layers are called enc.AL0_8" in refusal(replace(whole, encoder=encoder))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"in_cutoff": 1e9}, "in_cutoff is 1000000000.0 where less than"),
        ({"out_half_width": 1e9}, "out_half_width is 1000000000.0 where less than"),
        ({"radial": True, "down_taps": 11, "padding": (9, 7, 9, 7)}, "odd in a radial filter"),
    ],
)
def test_a_filter_that_cannot_be_designed_is_refused(change: dict[str, Any], message: str) -> None:
    config = stylegan3(32, 256, 8)
    first, *others = config.synthesis
    layers = (replace(first, **change), *others)
    assert message in refusal(replace(config, synthesis=layers))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"z_dim": 0}, " has neither a z nor classes"),
        ({"c_dim": 3}, ".embed_features is 0 where there are classes"),
        ({"embed_features": 3}, ".embed_features is 3 where there are no classes"),
    ],
)
def test_a_mapping_without_what_it_maps_is_refused(change: dict[str, Any], message: str) -> None:
    config, whole = stylegan3(32, 256, 8), canvas(32, 256, 8)
    assert message in refusal(replace(config, mapping=replace(config.mapping, **change)))
    encoder = replace(whole.encoder, mapping=replace(whole.encoder.mapping, **change))
    assert f"encoder.mapping{message}" in refusal(replace(whole, encoder=encoder))


def test_a_fresh_network_larger_than_any_file_is_refused_before_it_is_allocated() -> None:
    config = stylegan3(32, 256, 8)
    mapping = replace(config.mapping, features=(1 << 16, 1 << 16, config.w_dim))
    assert "far too large" in refusal(replace(config, mapping=mapping))
