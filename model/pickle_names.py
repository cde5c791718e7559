"""The names that network pickles may use, and the inert stand-in of each."""

from dataclasses import dataclass, field
from functools import partial
from math import prod

import numpy as np
import torch

from model.legacy_torch import Storage, read_storage, view
from model.pickle_machine import Blank, Buildable, Builder, Names, plain_key
from model.pickle_stream import Budget, MalformedError

MOST_DIMENSIONS = 8

_NUMPY_CODES = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
_TORCH_CLASSES = (
    ("torch.nn.modules.conv", "Conv2d"),
    ("torch.nn.modules.linear", "Linear"),
    ("torch.nn.modules.batchnorm", "BatchNorm2d"),
    ("torch.nn.modules.activation", "LeakyReLU"),
)

Arguments = tuple[object, ...]


def known_names(budget: Budget) -> Names:
    """The closed table for one file, whose stand-ins spend from its budget."""
    numpy_core: dict[tuple[str, str], object] = {}
    for core in ("numpy.core", "numpy._core"):
        numpy_core[f"{core}.multiarray", "scalar"] = Builder(_numpy_scalar)
        numpy_core[f"{core}.multiarray", "_reconstruct"] = Builder(partial(_blank_array, budget))
        numpy_core[f"{core}.numeric", "_frombuffer"] = Builder(partial(_filled_array, budget))
    return numpy_core | {
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): Builder(_persistent_module),
        ("torch._utils", "_rebuild_parameter"): Builder(_parameter),
        ("torch._utils", "_rebuild_tensor_v2"): Builder(partial(_tensor, budget)),
        ("torch.storage", "_load_from_bytes"): Builder(partial(_storage, budget)),
        ("torch", "device"): Builder(_device_name),
        ("numpy", "dtype"): Builder(_numpy_type),
        ("numpy", "ndarray"): "numpy.ndarray",  # only ever an argument
        ("collections", "OrderedDict"): Builder(_ordered_dict),
        ("builtins", "set"): Builder(_set),
        ("dnnlib.util", "EasyDict"): Blank(dict),
        **{name: Blank(partial(StoredModule, name[1])) for name in _TORCH_CLASSES},
    }


# Modules


@dataclass
class StoredModule(Buildable):
    """A module of a network: the name of its class, and its instance dictionary."""

    class_name: str
    state: dict[str, object] = field(default_factory=dict)

    def build(self, state: object) -> None:
        self.state = named_values(state)


def _persistent_module(arguments: Arguments) -> StoredModule:
    match arguments:
        case (
            {
                "type": "class",
                "version": 6,
                "module_src": str(),  # a program's text, which nobody here looks at
                "class_name": str(name),
                "state": state,
            },
        ):
            return StoredModule(name, named_values(state))
    raise MalformedError("stores a module in an unknown way")


def named_values(state: object) -> dict[str, object]:
    if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
        raise MalformedError("stores a module without named values")
    return state


# Plain values


def _ordered_dict(arguments: Arguments) -> dict[object, object]:
    if arguments:
        raise MalformedError("stores an ordered dictionary in an unknown way")
    return {}


def _set(arguments: Arguments) -> set[str | int]:
    match arguments:
        case (list(members),):
            return {plain_key(member) for member in members}
    raise MalformedError("stores a set in an unknown way")


def _device_name(arguments: Arguments) -> str:
    match arguments:
        case (str(kind),):
            return kind
        case (str(kind), int(index)):
            return f"{kind}:{index}"
    raise MalformedError("stores a device in an unknown way")


# Tensors


def _storage(budget: Budget, arguments: Arguments) -> Storage:
    match arguments:
        case (bytes(file),):
            return read_storage(file, budget)
    raise MalformedError("stores tensor data in an unknown way")


def _tensor(budget: Budget, arguments: Arguments) -> torch.Tensor:
    match arguments:
        case (Storage() as storage, int(offset), tuple(size), tuple(stride), bool(), dict(), *_):
            return view(storage, int(offset), _whole_numbers(size), _whole_numbers(stride), budget)
    raise MalformedError("stores a tensor in an unknown way")


def _parameter(arguments: Arguments) -> torch.Tensor:
    match arguments:
        case (torch.Tensor() as tensor, bool(), dict()):
            return tensor
    raise MalformedError("stores a parameter in an unknown way")


def _whole_numbers(values: tuple[object, ...]) -> tuple[int, ...]:
    numbers = tuple(int(value) for value in values if isinstance(value, int))  # True becomes 1
    if len(numbers) != len(values):
        raise MalformedError("has a shape that is not made of whole numbers")
    return numbers


# numpy


@dataclass
class NumpyType(Buildable):
    """The type of numpy values; its state is only checked, since it brings nothing new."""

    code: str

    def build(self, state: object) -> None:
        match state:
            case (int(), "<" | "|" | "=", None, None, None, int(), int(), int(), *_):
                return
        raise MalformedError("holds numpy values that are not plain little-endian numbers")


@dataclass
class StoredArray(Buildable):
    """A numpy array as nested lists (a bare number where it has no dimension)."""

    budget: Budget
    values: object = None

    def build(self, state: object) -> None:
        match state:
            case (int(), tuple(shape), NumpyType(code), bool(fortran), bytes(data)):
                shape = _whole_numbers(shape)
                self.values = _nested_list(self.budget, data, code, shape, fortran)
                return
        raise MalformedError("stores a numpy array in an unknown way")


def _numpy_type(arguments: Arguments) -> NumpyType:
    match arguments:
        case (str(code), bool() | 0 | 1, bool() | 0 | 1) if code in _NUMPY_CODES:
            return NumpyType(code)
    raise MalformedError("holds numpy values that are not plain numbers")


def _numpy_scalar(arguments: Arguments) -> object:
    match arguments:
        case (NumpyType(code), bytes(data)) if len(data) == np.dtype(code).itemsize:
            return np.frombuffer(data, code)[0].item()
    raise MalformedError("stores a numpy number in an unknown way")


def _blank_array(budget: Budget, arguments: Arguments) -> StoredArray:
    match arguments:
        case ("numpy.ndarray", (0,), b"b"):
            return StoredArray(budget)
    raise MalformedError("stores a numpy array in an unknown way")


def _filled_array(budget: Budget, arguments: Arguments) -> StoredArray:
    match arguments:
        case (bytes(data), NumpyType(code), tuple(shape), "C" | "F" as order):
            values = _nested_list(budget, data, code, _whole_numbers(shape), order == "F")
            return StoredArray(budget, values)
    raise MalformedError("stores a numpy array in an unknown way")


def _nested_list(
    budget: Budget, data: bytes, code: str, shape: tuple[int, ...], fortran: bool
) -> object:
    if len(shape) > MOST_DIMENSIONS or min(shape, default=0) < 0:
        raise MalformedError("holds a numpy array with impossible dimensions")
    budget.spend_plain_values(prod(max(n, 1) for n in shape))
    if prod(shape) * np.dtype(code).itemsize != len(data):
        raise MalformedError("holds a numpy array whose claimed size is not its real one")
    return np.frombuffer(data, code).reshape(shape, order="F" if fortran else "C").tolist()
