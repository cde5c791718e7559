"""What a network that learned to see makes of pictures: VGG-16 and SqueezeNet 1.1, frozen.

The feature maps measure how alike two pictures look (`model.metrics.perceptual`; Zhang et al. 2018,
arXiv:1801.03924), train generators, and carry style (Gatys et al. 2016, arXiv:1508.06576). Two sets
of weights come with the package; ``weights/README.md`` tells their sources and licences.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from model.feature_weights import OWN, Inputs, Weights, read

Pooling: TypeAlias = Literal["max", "average"]

_BEFORE_POOLING = ("fire2", "fire4", "fire6")
_LEAST_PIXELS = 32


class Fire(nn.Module):
    """SqueezeNet's layer: few channels, seen through 1x1 and 3x3 (Iandola et al. 2016)."""

    def __init__(self, squeeze: nn.Conv2d, expand1x1: nn.Conv2d, expand3x3: nn.Conv2d) -> None:
        super().__init__()
        self.squeeze = squeeze
        self.expand1x1 = expand1x1
        self.expand3x3 = expand3x3

    def forward(self, x: Tensor) -> Tensor:
        """[N, in, H, W] to [N, out, H, W]."""
        x = self.squeeze(x).relu_()
        return torch.cat([self.expand1x1(x), self.expand3x3(x)], 1)


class Features(nn.Module):
    """A frozen network. Its parameters learn nothing; gradients flow through it to the pictures.

    Attributes:
        names: the maps that a call returns, shallowest first.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, steps: dict[str, nn.Module], inputs: Inputs, names: Collection[str]) -> None:
        super().__init__()
        self.names = _ordered(names, list(steps))
        deepest = list(steps).index(self.names[-1])
        self.steps = nn.ModuleDict(dict(list(steps.items())[: deepest + 1]))
        self.register_buffer("scale", torch.tensor(inputs.scale)[:, None, None])
        self.register_buffer("shift", torch.tensor(inputs.shift)[:, None, None])
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Maps [N, C, H', W'] after their ReLU, by name, of RGB ``images`` [N, 3, H, W] in -1 … 1.

        Raises:
            ValueError: another number of channels, or sides under 32 pixels.
        """
        if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[2:]) < _LEAST_PIXELS:
            wanted = f"[N, 3, H, W] with sides from {_LEAST_PIXELS} up"
            raise ValueError(f"pictures are {wanted}, not {list(images.shape)}")
        x = (images.to(self.scale.dtype) * self.scale + self.shift).to(self.dtype)
        maps = {}
        for name, step in self.steps.items():
            x = step(x).relu_()
            if name in self.names:
                maps[name] = x
        return maps

    @property
    def dtype(self) -> torch.dtype:
        """In which convolutions run, and maps come out."""
        return next(self.steps.parameters()).dtype

    def train(self, mode: bool = True) -> "Features":
        """It never trains, whatever it is a part of."""
        return super().train(mode=False)


def load(
    weights: str | Path = "vgg16",
    names: Collection[str] | None = None,
    *,
    pooling: Pooling = "max",
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Features:
    """Frozen features, ready to run.

    Args:
        weights: "vgg16" (relu1_1 … relu4_1), "squeezenet11" (relu1, fire2 … fire9), or a file of
            another VGG or SqueezeNet 1.1: .safetensors or .npz, named as ours or as torchvision's.
        names: the maps wanted; None is all. What lies deeper is not computed.
        pooling: "max" as trained, or "average", which Gatys found better for style.
        device: where the weights go.
        dtype: of convolutions and maps. In bfloat16 a loss costs less than half where the processor
            has it, and its gradient points the same way (a cosine of 0.998).

    Raises:
        LoadError: the file cannot be loaded; the message is one line.
        ValueError: a name or a pooling that there is not.
    """
    if pooling not in ("max", "average"):
        raise ValueError(f'pooling is "max" or "average", not {pooling!r}')
    path = OWN.get(str(weights), Path(weights))
    stored = read(path)
    steps = (_squeezenet if "conv1" in stored.convolutions else _vgg)(stored, pooling)
    features = Features(steps, stored.inputs, steps.keys() if names is None else names)
    features.steps.to(dtype)
    features.steps.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return features.to(device)


def _vgg(stored: Weights, pooling: Pooling) -> dict[str, nn.Module]:
    steps: dict[str, nn.Module] = {}
    block = "1"
    for name in stored.convolutions:
        new_block, _, _ = name.removeprefix("conv").partition("_")
        pools = [_pool(2, pooling)] if new_block != block else []
        steps[name.replace("conv", "relu")] = nn.Sequential(*pools, _convolution(stored, name, 1))
        block = new_block
    return steps


def _squeezenet(stored: Weights, pooling: Pooling) -> dict[str, nn.Module]:
    steps: dict[str, nn.Module] = {"relu1": _convolution(stored, "conv1", 0, stride=2)}
    for number in range(2, 10):
        name = f"fire{number}"
        pools = [_pool(3, pooling)] if name in _BEFORE_POOLING else []
        fire = Fire(
            _convolution(stored, f"{name}.squeeze", 0),
            _convolution(stored, f"{name}.expand1x1", 0),
            _convolution(stored, f"{name}.expand3x3", 1),
        )
        steps[name] = nn.Sequential(*pools, fire)
    return steps


def _convolution(stored: Weights, name: str, padding: int, stride: int = 1) -> nn.Conv2d:
    weight, bias = stored.convolutions[name]
    outputs, inputs, height, width = weight.shape
    module = nn.Conv2d(inputs, outputs, (height, width), stride, padding, device="meta")
    module.weight = nn.Parameter(weight.float(), requires_grad=False)
    module.bias = nn.Parameter(bias.float(), requires_grad=False)
    return module


def _pool(kernel: int, pooling: Pooling) -> nn.Module:
    kind = nn.MaxPool2d if pooling == "max" else nn.AvgPool2d
    return kind(kernel, 2, ceil_mode=kernel == 3)


def _ordered(wanted: Collection[str], names: list[str]) -> tuple[str, ...]:
    if not wanted or not set(wanted) <= set(names):
        raise ValueError(f"the feature maps are {', '.join(names)}, not {sorted(wanted)}")
    return tuple(name for name in names if name in wanted)
