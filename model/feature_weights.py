"""Reads the weights of feature networks: names, shapes, and how they want their pictures."""

import re
import zipfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as deserialised
from torch import Tensor

from model.errors import LoadError
from model.files import checked_size, unreadable

_FOLDER = Path(str(files("model"))) / "weights"
OWN = {name: _FOLDER / f"{name}.safetensors" for name in ("vgg16", "squeezenet11")}
"""The files that come with the package."""

MEND = "name a .safetensors or .npz file of a VGG or SqueezeNet 1.1"
_FIRES = tuple(f"fire{number}" for number in range(2, 10))
_SQUEEZENET_PARTS = ("squeeze", "expand1x1", "expand3x3")
_VGG_NAME = re.compile(r"conv[1-5]_[1-4]")
_MEAN_BGR = (104.007, 116.669, 122.679)
_MEAN_RGB, _DEVIATION_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Inputs:
    """How pictures in -1 … 1 become what the network was trained on: ``x * scale + shift``, RGB."""

    scale: tuple[float, float, float]
    shift: tuple[float, float, float]


@dataclass(frozen=True)
class Weights:
    """Convolutions by name, in order: weight [out, in, h, w] for RGB, and bias [out]."""

    convolutions: dict[str, tuple[Tensor, Tensor]]
    inputs: Inputs


def caffe_inputs() -> Inputs:
    """0 … 255 without the mean, as Caffe's networks want it."""
    blue, green, red = _MEAN_BGR
    return Inputs((127.5,) * 3, (127.5 - red, 127.5 - green, 127.5 - blue))


def torchvision_inputs() -> Inputs:
    """0 … 1 without the mean, over the deviation."""
    red, green, blue = ((0.5 - m) / d for m, d in zip(_MEAN_RGB, _DEVIATION_RGB, strict=True))
    scales = tuple(0.5 / deviation for deviation in _DEVIATION_RGB)
    return Inputs((scales[0], scales[1], scales[2]), (red, green, blue))


def read(path: Path) -> Weights:
    """The weights of a file, checked to fit each other.

    Names as ours (``conv1_1.weight``, ``fire2.squeeze.weight``) mean Caffe's pictures: BGR,
    0 … 255 without the mean; torchvision's (``features.0.weight``) mean torchvision's.

    Raises:
        LoadError: it cannot be read, or holds something else.
    """
    tensors = tensors_of(path)
    theirs = any(name.startswith("features.") for name in tensors)
    try:
        convolutions = _paired(_our_names(tensors) if theirs else tensors)
        _check_chain(convolutions)
    except LoadError as error:
        raise LoadError(f"{path}: {error}; {MEND}") from None
    if theirs:
        return Weights(convolutions, torchvision_inputs())
    return Weights(_for_rgb(convolutions), caffe_inputs())


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors or .npz file, by name. Errors: LoadError.

    Nothing in the file is executed: arrays of Python objects are refused.
    """
    suffix = path.suffix.lower()
    if suffix not in (".safetensors", ".npz"):
        raise LoadError(f"{path}: is neither .safetensors nor .npz; convert it to one of them")
    checked_size(path)
    try:
        if suffix == ".safetensors":
            return deserialised(path.read_bytes())
        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    except OSError as error:
        raise unreadable(path, error) from None
    except (SafetensorError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise LoadError(f"{path}: is damaged ({str(error)[:80]!r}); fetch it again") from None


def _paired(tensors: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    found = {name.removesuffix(".weight") for name in tensors if name.endswith(".weight")}
    if "conv1" in found:
        names = ["conv1", *(f"{fire}.{part}" for fire in _FIRES for part in _SQUEEZENET_PARTS)]
    else:
        names = sorted(name for name in found if _VGG_NAME.fullmatch(name))
    if not names:
        raise LoadError("holds no convolutions of a network known here")
    return {name: _pair(tensors, name) for name in names}


def _pair(tensors: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    weight, bias = tensors.get(f"{name}.weight"), tensors.get(f"{name}.bias")
    if weight is None or bias is None:
        raise LoadError(f"{name} is missing")
    fits = weight.ndim == 4 and bias.shape == weight.shape[:1] and weight.numel() > 0
    if not fits or not weight.is_floating_point() or not bias.is_floating_point():
        shapes = f"{list(weight.shape)} and {list(bias.shape)}"
        raise LoadError(f"{name} has {shapes}, which is no convolution")
    if not bool(weight.isfinite().all() and bias.isfinite().all()):
        raise LoadError(f"{name} holds numbers that are not finite")
    return weight, bias


def _check_chain(convolutions: dict[str, tuple[Tensor, Tensor]]) -> None:
    """Every convolution takes what the one before it gives."""
    given = 3
    for name, (weight, _) in convolutions.items():
        kernel = 1 if name.endswith(("squeeze", "expand1x1")) else 3
        expected = [weight.shape[0], given, kernel, kernel]
        if list(weight.shape) != expected:
            raise LoadError(f"{name} has shape {list(weight.shape)}, not {expected}")
        if name.endswith("expand1x1"):
            continue  # beside expand3x3, both of the same input
        given = _given(convolutions, name)


def _given(convolutions: dict[str, tuple[Tensor, Tensor]], name: str) -> int:
    """How many channels leave this convolution's layer."""
    channels = convolutions[name][0].shape[0]
    if name.endswith("expand3x3"):
        channels += convolutions[name.replace("3x3", "1x1")][0].shape[0]
    return channels


def _for_rgb(convolutions: dict[str, tuple[Tensor, Tensor]]) -> dict[str, tuple[Tensor, Tensor]]:
    first = next(iter(convolutions))
    weight, bias = convolutions[first]
    return {**convolutions, first: (weight.flip(1), bias)}


def _our_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's numbered layers by our names, without its classifier."""
    tensors = {name: value for name, value in tensors.items() if name.startswith("features.")}
    numbers = sorted({int(part) for name in tensors if (part := name.split(".")[1]).isdigit()})
    squeezes = any(".squeeze." in name for name in tensors)
    ours = _fire_names(numbers) if squeezes else _vgg_names(numbers)
    renamed = {}
    for name, tensor in tensors.items():
        _, number, *rest = name.split(".")
        if number.isdigit() and int(number) in ours:
            renamed[".".join([ours[int(number)], *rest])] = tensor
    return renamed


def _fire_names(numbers: list[int]) -> dict[int, str]:
    return dict(zip(numbers, ["conv1", *_FIRES], strict=False))


def _vgg_names(numbers: list[int]) -> dict[int, str]:
    """A step of two is a ReLU, of three a ReLU and a pooling."""
    names: dict[int, str] = {}
    block, place = 1, 0
    for before, number in zip([-2, *numbers], numbers, strict=False):
        block, place = (block + 1, 1) if number - before == 3 else (block, place + 1)
        names[number] = f"conv{block}_{place}"
    return names
