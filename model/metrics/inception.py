"""Inception-v3 as FID and KID use it, from a weights file by path.

None comes with us. The file is .safetensors or .npz with the names of `pytorch-fid`
(``Mixed_5b.branch1x1.conv.weight``, ``….bn.running_mean``), which are torchvision's. The average
poolings leave the border out and the last block pools by maximum, as in the TensorFlow graph of
2015 on which published figures rest (Heusel et al. 2017, arXiv:1706.08500; architecture: Szegedy et
al. 2015, arXiv:1512.00567). Pictures are resized to 299 x 299, bilinearly. How many channels each
layer has comes from the file.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from model.errors import LoadError
from model.feature_weights import tensors_of

SIDE = 299
_EPSILON = 1e-3
_MEND = "name the weights of Inception-v3 with the names of pytorch-fid"


class Inception:
    """From pictures to the vectors that FID compares."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = tensors

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """[N, D] (2048 with the published weights) of pictures [N, 3, H, W] in -1 … 1."""
        x = F.interpolate(images.float(), (SIDE, SIDE), mode="bilinear", align_corners=False)
        x = self._convolved("Conv2d_1a_3x3", x, stride=2, padded=False)
        x = self._convolved("Conv2d_2a_3x3", x, padded=False)
        x = F.max_pool2d(self._convolved("Conv2d_2b_3x3", x), 3, 2)
        x = self._convolved("Conv2d_3b_1x1", x, padded=False)
        x = F.max_pool2d(self._convolved("Conv2d_4a_3x3", x, padded=False), 3, 2)
        for block, step in _BLOCKS.items():
            x = step(self, block, x)
        return x.mean((2, 3))

    def chain(self, block: str, x: Tensor, *names: str, last_stride: int = 1) -> Tensor:
        """Convolutions one after another; a stride at the last goes without padding."""
        for name in names[:-1]:
            x = self._convolved(f"{block}.{name}", x)
        last = f"{block}.{names[-1]}"
        return self._convolved(last, x, stride=last_stride, padded=last_stride == 1)

    def _convolved(self, name: str, x: Tensor, *, stride: int = 1, padded: bool = True) -> Tensor:
        weight, norm = self._get(f"{name}.conv.weight"), f"{name}.bn"
        padding = (weight.shape[2] // 2, weight.shape[3] // 2) if padded else (0, 0)
        x = F.conv2d(x, weight, None, stride, padding)
        mean, variance = self._get(f"{norm}.running_mean"), self._get(f"{norm}.running_var")
        gain, bias = self._get(f"{norm}.weight"), self._get(f"{norm}.bias")
        return F.batch_norm(x, mean, variance, gain, bias, eps=_EPSILON).relu_()

    def _get(self, name: str) -> Tensor:
        if name not in self._tensors:
            raise LoadError(f"{name} is missing")
        return self._tensors[name].float()


def load(path: str | Path) -> Inception:
    """Inception from a weights file, tried once.

    Raises:
        LoadError: it cannot be read, lacks a layer, or its layers do not fit each other.
    """
    path = Path(path)
    inception = Inception(tensors_of(path))
    try:
        inception(torch.zeros(1, 3, SIDE, SIDE))
    except LoadError as error:
        raise LoadError(f"{path}: {error}; {_MEND}") from None
    except RuntimeError:
        raise LoadError(f"{path}: its layers do not fit each other; {_MEND}") from None
    return inception


def _averaged(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _a(net: Inception, block: str, x: Tensor) -> Tensor:
    """35 x 35: 1x1, 5x5, and twice 3x3."""
    parts = [
        net.chain(block, x, "branch1x1"),
        net.chain(block, x, "branch5x5_1", "branch5x5_2"),
        net.chain(block, x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
        net.chain(block, _averaged(x), "branch_pool"),
    ]
    return torch.cat(parts, 1)


def _b(net: Inception, block: str, x: Tensor) -> Tensor:
    """To 17 x 17."""
    names = ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
    parts = [
        net.chain(block, x, "branch3x3", last_stride=2),
        net.chain(block, x, *names, last_stride=2),
        F.max_pool2d(x, 3, 2),
    ]
    return torch.cat(parts, 1)


def _c(net: Inception, block: str, x: Tensor) -> Tensor:
    """17 x 17: 7x7 as rows and columns."""
    parts = [
        net.chain(block, x, "branch1x1"),
        net.chain(block, x, *(f"branch7x7_{place}" for place in range(1, 4))),
        net.chain(block, x, *(f"branch7x7dbl_{place}" for place in range(1, 6))),
        net.chain(block, _averaged(x), "branch_pool"),
    ]
    return torch.cat(parts, 1)


def _d(net: Inception, block: str, x: Tensor) -> Tensor:
    """To 8 x 8."""
    names = (f"branch7x7x3_{place}" for place in range(1, 5))
    parts = [
        net.chain(block, x, "branch3x3_1", "branch3x3_2", last_stride=2),
        net.chain(block, x, *names, last_stride=2),
        F.max_pool2d(x, 3, 2),
    ]
    return torch.cat(parts, 1)


def _e(net: Inception, block: str, x: Tensor) -> Tensor:
    """8 x 8: 3x3 as a row beside a column."""
    single = net.chain(block, x, "branch3x3_1")
    double = net.chain(block, x, "branch3x3dbl_1", "branch3x3dbl_2")
    pooled = F.max_pool2d(x, 3, 1, 1) if block == "Mixed_7c" else _averaged(x)
    parts = [
        net.chain(block, x, "branch1x1"),
        net.chain(block, single, "branch3x3_2a"),
        net.chain(block, single, "branch3x3_2b"),
        net.chain(block, double, "branch3x3dbl_3a"),
        net.chain(block, double, "branch3x3dbl_3b"),
        net.chain(block, pooled, "branch_pool"),
    ]
    return torch.cat(parts, 1)


_BLOCKS: dict[str, Callable[[Inception, str, Tensor], Tensor]] = {
    "Mixed_5b": _a, "Mixed_5c": _a, "Mixed_5d": _a,
    "Mixed_6a": _b,
    "Mixed_6b": _c, "Mixed_6c": _c, "Mixed_6d": _c, "Mixed_6e": _c,
    "Mixed_7a": _d,
    "Mixed_7b": _e, "Mixed_7c": _e,
}  # fmt: skip
