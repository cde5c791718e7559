"""Reads the pickles in which StyleGAN2, StyleGAN3 and StyleGAN-Canvas networks are published.

This is the only reader of .pkl files, and nothing in a file is ever run: `pickle_machine`
interprets it, every name it uses must be in `pickle_names`, and what comes out is data.
"""

from pathlib import Path
from typing import BinaryIO

import torch

from model.errors import LoadError
from model.files import checked_size, unreadable
from model.pickle_machine import Machine
from model.pickle_names import StoredArray, StoredModule, known_names, named_values
from model.pickle_stream import Budget, MalformedError, Stream
from model.tree import Node

NETWORK_KEYS = ("G", "D", "G_ema")
DEEPEST = 32

_BOOKKEEPING = frozenset(
    {
        "training",
        "_parameters",
        "_buffers",
        "_modules",
        "_non_persistent_buffers_set",
        "_compiled_call_impl",
    }
)
_OTHER_FORMATS = {
    b"PK\x03\x04": "is a zip archive (a torch checkpoint, a TorchScript or a packed download)",
    b"<": "is a web page, so the download went wrong",
    b"version https://git-lfs": "is a Git LFS pointer and not the network itself",
}


def read(path: str | Path) -> dict[str, Node | None]:
    """The networks of a pickle file: its `G`, `D` and `G_ema`, each None where absent.

    Raises:
        LoadError: the file cannot be read, is broken, is something else, or is hostile.
    """
    values = contents(path)
    networks: dict[str, Node | None] = {}
    for key in NETWORK_KEYS:
        value = values.get(key)
        networks[key] = value if isinstance(value, Node) else None
    if not any(networks.values()):
        raise _error(Path(path), "holds no network")
    return networks


def contents(path: str | Path) -> dict[str, object]:
    """Everything in a pickle file by its key: modules as `Node`, the rest as plain values.

    Raises:
        LoadError: the file cannot be read, is broken, is something else, or is hostile.
    """
    path = Path(path)
    byte_count = checked_size(path)
    try:
        with path.open("rb") as file:
            return interpret(file, byte_count)
    except OSError as error:
        raise unreadable(path, error) from None
    except MalformedError as error:
        raise _error(path, str(error)) from None


def interpret(file: BinaryIO, byte_count: int) -> dict[str, object]:
    """What `contents` returns, from an open binary file.

    Raises:
        MalformedError: the bytes are not a network's pickle.
    """
    _check_start(file.read(32))
    file.seek(0)
    # Honest bytes are used three times at most: read, stored as values, seen by a tensor.
    budget = Budget(data_bytes=3 * byte_count)
    top = Machine(Stream(file, byte_count), budget, known_names(budget)).run()
    if not isinstance(top, dict) or not all(isinstance(key, str) for key in top):
        raise MalformedError("is a pickle, but not of networks")
    return {key: _converted(value, budget, DEEPEST) for key, value in top.items()}


def _error(path: Path, reason: str) -> LoadError:
    mend = "use a whole StyleGAN2, StyleGAN3 or StyleGAN-Canvas pickle, as published"
    return LoadError(f"{path}: {reason}; {mend}")


def _check_start(start: bytes) -> None:
    for prefix, reason in _OTHER_FORMATS.items():
        if start.lstrip().startswith(prefix):
            raise MalformedError(reason)
    if start[0] != 0x80:
        raise MalformedError("is not a pickle")


def _converted(value: object, budget: Budget, depth: int) -> object:
    if isinstance(value, StoredModule):
        return _node(value, budget, depth)
    return _plain(value, budget, depth)


def _node(module: StoredModule, budget: Budget, depth: int) -> Node:
    _spend_one(budget, depth)
    tensors = _slots(module, "_parameters") | _slots(module, "_buffers")
    attributes: dict[str, object] = {}
    for name, value in module.state.items():
        if isinstance(value, torch.Tensor):
            tensors[name] = value
        elif name not in _BOOKKEEPING and "_hook" not in name:
            attributes[name] = _plain(value, budget, depth)
    modules = _children(module, budget, depth)
    return Node(module.class_name, tensors, attributes, modules)


def _slots(module: StoredModule, key: str) -> dict[str, torch.Tensor | None]:
    slots: dict[str, torch.Tensor | None] = {}
    for name, value in _named(module, key).items():
        if value is not None and not isinstance(value, torch.Tensor):
            raise MalformedError(f"stores something other than a tensor in {key}")
        slots[name] = value
    return slots


def _children(module: StoredModule, budget: Budget, depth: int) -> dict[str, Node]:
    children: dict[str, Node] = {}
    for name, value in _named(module, "_modules").items():
        if isinstance(value, StoredModule):
            children[name] = _node(value, budget, depth - 1)
        elif value is not None:
            raise MalformedError("stores something other than a module in _modules")
    return children


def _named(module: StoredModule, key: str) -> dict[str, object]:
    return named_values(module.state.get(key, {}))


def _plain(value: object, budget: Budget, depth: int) -> object:
    """A copy with numpy's and the reader's own types gone; copies, so that shared parts count."""
    _spend_one(budget, depth)
    match value:
        case None | bool() | int() | float() | str() | bytes():
            return value
        case StoredArray():
            return value.values
        case list():
            return [_plain(item, budget, depth - 1) for item in value]
        case tuple():
            return tuple(_plain(item, budget, depth - 1) for item in value)
        case dict():
            return {key: _plain(item, budget, depth - 1) for key, item in value.items()}
        case set():
            budget.spend_plain_values(len(value))
            return frozenset(value)
    raise MalformedError("stores something other than plain values among a module's attributes")


def _spend_one(budget: Budget, depth: int) -> None:
    budget.spend_plain_values(1)
    if depth == 0:
        raise MalformedError("is nested too deeply for a network")
