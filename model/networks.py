"""Builds networks: from a configuration, or from the tree that a pickle file holds."""

import reprlib
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
from model.files import LARGEST_BYTES
from model.layers import drawn
from model.network import Network
from model.stored import MEND, Stored
from model.stylegan2 import StyleGAN2
from model.stylegan3 import StyleGAN3
from model.tree import Node


def from_config(values: Config | Mapping[str, Any]) -> Network:
    """A fresh network of this configuration (or of the dictionary that `config.to_dict` wrote).

    Its weights are drawn from torch's default generator.

    Raises:
        LoadError: the values describe no network, or one too large for any file.
    """
    config = _checked(values)
    if _byte_count(_laid_out(config)) > LARGEST_BYTES:
        raise LoadError(f"its configuration asks for a far too large network; {MEND}")
    return drawn(_allocated(config))


def assemble(values: Config | Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Network:
    """The network of this configuration with these weights, ready to play.

    Nothing is allocated before every name and shape was compared. Tensors that are float32
    already are taken, not copied.

    Raises:
        LoadError: the values describe no network, or the tensors do not fit it.
    """
    return _filled(_laid_out(_checked(values)), tensors)


def build(node: Node) -> Network:
    """The network that ``node`` holds, its family decided by its structure.

    Raises:
        LoadError: no generator of a known family, or one that does not fit together.
    """
    network = _laid_out(_checked(_read(node)))
    names = network.state_dict()
    found = {name: tensor for name in names if (tensor := _find(node, name)) is not None}
    return _filled(network, found)


def _checked(values: Config | Mapping[str, Any]) -> Config:
    config = _parsed(values) if isinstance(values, Mapping) else values
    if wrong := misfit(config):
        raise LoadError(f"{wrong}; {MEND}")
    return config


def _parsed(values: Mapping[str, Any]) -> Config:
    try:
        return from_dict(values)
    except ValidationError as error:
        raise LoadError(f"its configuration is wrong: {_first(error)}; convert it again") from None


def _laid_out(config: Config) -> Network:
    """The network without values, which takes no memory."""
    with torch.device("meta"):
        return _allocated(config)


def _allocated(config: Config) -> Network:
    match config:
        case StyleGAN2Config():
            return StyleGAN2(config)
        case StyleGAN3Config():
            return StyleGAN3(config)
        case CanvasConfig():
            return Canvas(config)


def _byte_count(network: Network) -> int:
    return sum(tensor.nbytes for tensor in network.state_dict().values())


def _filled(network: Network, tensors: Mapping[str, Tensor]) -> Network:
    """The network that was laid out, with these weights, ready to play."""
    wanted = network.state_dict().items()
    state = {name: _fitting(name, tensors.get(name), expected) for name, expected in wanted}
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


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
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        cause = _cut(str(error))
        raise LoadError(f"an attribute is not what it should be ({cause}); {MEND}") from None
    known = "StyleGAN2, StyleGAN3 and StyleGAN-Canvas generators"
    raise LoadError(f"holds a generator of an unknown kind; {known} can be played")


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, in one line."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    value = _cut(reprlib.repr(first["input"]), 40)  # reprlib stops at great depths
    wrong = _cut(first["msg"].lower())
    return f"{error.title}.{_cut(place)} is {value}: {wrong}"


def _cut(text: str, longest: int = 120) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


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
