"""Networks are built from what a file holds, or refused in one clear line."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from model import pickles
from model.config import to_dict
from model.errors import LoadError
from model.networks import assemble, build, from_config
from model.schedule import canvas, stylegan3
from model.tree import Node

PICKLES = Path(__file__).parents[1] / "golden" / "pickles"
NODES = {
    path.stem.split("__")[0]: next(iter(filter(None, pickles.read(path).values())))
    for path in sorted(PICKLES.rglob("*.pkl"))
}
Change = Callable[[Node], Node]


def changed(node: Node, place: str, change: Change) -> Node:
    """``node`` with the module at ``place`` (dots between names) changed."""
    if not place:
        return change(node)
    name, _, rest = place.partition(".")
    modules: Mapping[str, Node] = {**node.modules, name: changed(node.modules[name], rest, change)}
    return replace(node, modules=modules)


def attribute(name: str, value: object) -> Change:
    return lambda node: replace(node, attributes={**node.attributes, name: value})


def without_attribute(name: str) -> Change:
    def change(node: Node) -> Node:
        kept = {key: value for key, value in node.attributes.items() if key != name}
        return replace(node, attributes=kept)

    return change


def tensor(name: str, value: torch.Tensor | None) -> Change:
    return lambda node: replace(node, tensors={**node.tensors, name: value})


def without_module(name: str) -> Change:
    def change(node: Node) -> Node:
        kept = {key: value for key, value in node.modules.items() if key != name}
        return replace(node, modules=kept)

    return change


def refusal(make: Callable[[], object]) -> str:
    with pytest.raises(LoadError) as caught:
        make()
    message = str(caught.value)
    assert "\n" not in message
    assert "; " in message
    assert len(message) < 300
    return message


L0 = "synthesis.L0_36_16"
AL0 = "appended_net.AL0_R32_C10_0"
BROKEN: list[tuple[str, str, Change, str]] = [
    ("stylegan3_t", "", without_module("synthesis"), "holds a Generator, which is no generator"),
    ("stylegan3_t", "synthesis", without_module("input"), "generator of an unknown kind"),
    ("stylegan3_t", "synthesis", without_module("L0_36_16"), f"{L0} is missing"),
    ("stylegan3_t", L0, tensor("weight", None), f"{L0}.weight is missing"),
    ("stylegan3_t", L0, tensor("weight", torch.zeros(16, 16, 1, 1)), "has shape [16, 16, 1, 1]"),
    ("stylegan3_t", L0, tensor("bias", torch.zeros(16, dtype=torch.int32)), "holds torch.int32"),
    ("stylegan3_t", L0, tensor("up_filter", None), f"{L0}.up_filter is missing"),
    ("stylegan3_t", L0, without_attribute("padding"), f"{L0}.padding is missing"),
    ("stylegan3_t", L0, attribute("padding", "wide"), "padding"),
    ("stylegan3_t", L0, attribute("padding", [9, 8, 9]), "padding"),
    ("stylegan3_t", L0, attribute("padding", [9, 8, 9, 12]), "L0_36_16.out_size is (36, 36)"),
    ("stylegan3_t", L0, attribute("in_channels", 17), "L0_36_16.in_channels is 17"),
    ("stylegan3_t", L0, attribute("in_channels", -1), "in_channels is -1"),
    ("stylegan3_t", L0, attribute("up_factor", 10**9), "up is 1000000000"),
    ("stylegan3_t", L0, attribute("conv_clamp", float("nan")), "clamp is nan"),
    ("stylegan3_t", f"{L0}.affine", attribute("bias_gain", 0.5), "affine.bias_gain is 0.5"),
    ("stylegan3_t", "synthesis", attribute("layer_names", ["__class__"]), "is missing"),
    ("stylegan3_t", "synthesis", attribute("layer_names", 7), "no list of names"),
    ("stylegan3_t", "synthesis", attribute("layer_names", []), "synthesis is ()"),
    ("stylegan3_t", "mapping", attribute("num_layers", 10**9), "mapping.fc2 is missing"),
    ("stylegan3_t", "mapping", attribute("num_layers", 0), "mapping has no layers"),
    ("stylegan3_t", "mapping", attribute("num_ws", 3), "num_ws is 3 where 16 fits"),
    ("stylegan3_t", "mapping.fc0", attribute("activation", "relu"), "only 'lrelu' is known"),
    ("stylegan3_t", "mapping.fc0", attribute("weight_gain", 1.0), "weight_gain is 1.0"),
    ("stylegan3_t", "", attribute("img_resolution", 128), "resolution is (128, 128)"),
    ("stylegan2", "synthesis.b8", attribute("architecture", "resnet"), "only 'skip' is known"),
    ("stylegan2", "synthesis.b8", without_module("conv0"), "b8: convolutions is 1"),
    ("stylegan2", "synthesis.b8.conv1", attribute("up", 2), "b8.conv1.up is 2"),
    ("stylegan2", "synthesis", attribute("block_resolutions", [4, 8]), "resolution is 64"),
    ("stylegan2", "mapping", attribute("num_ws", 3), "num_ws is 3"),
    ("canvas_r", AL0, attribute("gain_sqrt", None), "gain is None"),
    ("canvas_r", f"{AL0}.conv1", attribute("padding", 0), "conv1.padding is 0"),
    ("canvas_r", f"{AL0}.conv1", attribute("stride", 2), "AL0_R32_C10_0.stride is 2"),
    ("canvas_r", "appended_net", attribute("encoder_connect_to", [0] * 8), "gives no skip"),
    ("canvas_r", "appended_net", attribute("encoder_connect_to", [1]), "no list of 8 whole"),
    ("canvas_r", "synthesis", attribute("encoder_receive", [9] * 15), "receives skip 9 of 5"),
    ("canvas_r", "synthesis", attribute("encoder_receive", [0] * 15), "skip_channels is 11"),
    ("canvas_r", "synthesis.input", attribute("padding", 9), "size of"),
    ("canvas_r", "", attribute("replace_w_num", 17), "encoder_ws is 17, more than there are rows"),
    ("canvas_r", "", attribute("p_dim", [3, 32, 32]), "size of"),
]


@pytest.mark.parametrize(("name", "place", "change", "message"), BROKEN)
def test_a_file_that_does_not_fit_together_is_refused(
    name: str, place: str, change: Change, message: str
) -> None:
    assert message in refusal(lambda: build(changed(NODES[name], place, change)))


def test_another_network_of_the_file_is_refused_by_its_name() -> None:
    discriminator = Node("Discriminator", {}, {"c_dim": 0}, {})
    assert "holds a Discriminator" in refusal(lambda: build(discriminator))


@pytest.mark.parametrize("name", NODES)
def test_a_network_is_the_same_from_its_config_and_tensors(name: str) -> None:
    network = build(NODES[name])
    state = network.state_dict()
    again = assemble(to_dict(network.config), state)
    assert again.config == network.config
    assert all(torch.equal(tensor, state[key]) for key, tensor in again.state_dict().items())
    fresh = from_config(network.config)
    fresh.load_state_dict(state)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "configuration is wrong"),
        ({"family": "stylegan9"}, "configuration is wrong"),
        ({"family": "stylegan3"}, "field required"),
        (to_dict(stylegan3(32, 256, 8)) | {"colour": 1}, "colour"),
        (to_dict(stylegan3(32, 256, 8)) | {"resolution": 10**9}, "resolution is 1000000000"),
        (to_dict(stylegan3(32, 256, 8)) | {"output_scale": float("inf")}, "output_scale is inf"),
    ],
)
def test_a_wrong_configuration_is_refused(values: dict[str, Any], message: str) -> None:
    assert message in refusal(lambda: from_config(values)).lower()


def test_nothing_is_allocated_for_a_configuration_that_its_tensors_do_not_fit() -> None:
    huge = stylegan3(1024, 1 << 24, 1 << 14, latent_size=1 << 14)
    assert "is missing" in refusal(lambda: assemble(huge, {}))


def test_a_condition_size_is_a_power_of_two() -> None:
    with pytest.raises(ValueError, match="condition_size is a power of two from 32 up, not 48"):
        canvas(64, 256, 8, condition_size=48)
