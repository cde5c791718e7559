"""Builds networks: from a configuration, or from the tree that a pickle file holds."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from model import stored
from model.canvas import Canvas
from model.config import CanvasConfig, Config, StyleGAN2Config, StyleGAN3Config, from_dict
from model.consistency import misfit
from model.errors import LoadError
from model.network import Network
from model.stored import MEND, Stored
from model.stylegan2 import StyleGAN2
from model.stylegan3 import StyleGAN3
from model.tree import Node


def from_config(values: Config | Mapping[str, Any]) -> Network:
    """A fresh network of this configuration (or of the dictionary that `config.to_dict` wrote).

    Raises:
        LoadError: the values describe no network.
    """
    config = _checked(values) if isinstance(values, Mapping) else values
    if wrong := misfit(config):
        raise LoadError(f"{wrong}; {MEND}")
    match config:
        case StyleGAN2Config():
            return StyleGAN2(config)
        case StyleGAN3Config():
            return StyleGAN3(config)
        case CanvasConfig():
            return Canvas(config)


def assemble(values: Config | Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Network:
    """The network of this configuration with these weights, ready to play.

    Nothing is allocated before every name and shape was compared. Tensors that are float32
    already are taken, not copied.

    Raises:
        LoadError: the values describe no network, or the tensors do not fit it.
    """
    with torch.device("meta"):
        network = from_config(values)
    wanted = network.state_dict()
    state: dict[str, Tensor] = {}
    for name, expected in wanted.items():
        state[name] = _fitting(name, tensors.get(name), expected)
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def build(node: Node) -> Network:
    """The network that ``node`` holds, its family decided by its structure.

    Raises:
        LoadError: no generator of a known family, or one that does not fit together.
    """
    config = _read(node)
    with torch.device("meta"):
        names = from_config(config).state_dict()
    return assemble(
        config, {name: tensor for name in names if (tensor := _find(node, name)) is not None}
    )


def _read(node: Node) -> Config:
    root = Stored(node)
    synthesis = node.modules.get("synthesis")
    if synthesis is None or "mapping" not in node.modules:
        raise LoadError(
            f"holds a {node.class_name}, which is no generator; choose another network of the file"
        )
    try:
        if "appended_net" in node.modules:
            return stored.canvas(root)
        if "input" in synthesis.modules:
            return stored.stylegan3(root)
        if "block_resolutions" in synthesis.attributes:
            return stored.stylegan2(root)
    except ValidationError as error:
        raise LoadError(f"{_first(error)}; {MEND}") from None
    except (TypeError, ValueError) as error:
        raise LoadError(f"an attribute is not what it should be ({error}); {MEND}") from None
    known = "StyleGAN2, StyleGAN3 and StyleGAN-Canvas generators"
    raise LoadError(f"holds a generator of an unknown kind; {known} can be played")


def _checked(values: Mapping[str, Any]) -> Config:
    try:
        return from_dict(values)
    except ValidationError as error:
        raise LoadError(f"its configuration is wrong: {_first(error)}; convert it again") from None


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, in one line."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    value = repr(first["input"])
    shown = value if len(value) < 40 else f"{value[:37]}..."
    return f"{error.title}.{place} is {shown}: {first['msg'].lower()}".replace("\n", " ")


def _find(node: Node, name: str) -> Tensor | None:
    """The tensor of a file behind a name of ours."""
    *modules, last = name.split(".")
    if modules[0] == "encoder":
        modules[:1] = ["appended_net"]
    for module in modules:
        if module not in node.modules:
            return None
        node = node.modules[module]
    return node.tensors.get(last)


def _fitting(name: str, tensor: Tensor | None, expected: Tensor) -> Tensor:
    if tensor is None:
        raise LoadError(f"{name} is missing; {MEND}")
    if tensor.shape != expected.shape:
        shapes = f"has shape {list(tensor.shape)} where {list(expected.shape)} fits"
        raise LoadError(f"{name} {shapes}; {MEND}")
    if not tensor.is_floating_point():
        raise LoadError(f"{name} holds {tensor.dtype}, not numbers with fractions; {MEND}")
    return tensor.detach().to(expected.dtype)
