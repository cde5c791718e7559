"""NVIDIA's StyleGAN3 as a black box, run from a checkout of its owner's; nothing of it is here.

    git clone https://github.com/NVlabs/stylegan3 DIR

Its licence allows research and evaluation only. It is called by its public names. On the processor
it has no fast kernels and plays its own reference operators; on a CUDA device it compiles its
plugins at the first call, which needs NVIDIA's toolkit and a C++ compiler.
"""

from __future__ import annotations

import importlib
import pickle
import sys
import types
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.torch_version import TorchVersion

from benchmarks.subject import Subject

_LATENT_SIZE = 512


class Official:
    """The code of a checkout. ``FileNotFoundError`` where ``folder`` holds none."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "training").is_dir():
            raise FileNotFoundError(f"{folder} is no checkout of NVIDIA's stylegan3")
        sys.path.insert(0, str(folder.resolve()))
        _stand_in("requests")
        _stand_in("pkg_resources", parse_version=TorchVersion)
        self._networks = importlib.import_module("training.networks_stylegan3")
        self._filtered_lrelu = importlib.import_module("torch_utils.ops.filtered_lrelu")

    def generator(self, subject: Subject) -> Any:
        """A generator with random weights, called as ``G(z, None)``; ``G.synthesis(w)``."""
        rotation = {"conv_kernel": 1, "use_radial_filters": True} if subject.variant == "r" else {}
        made = self._networks.Generator(
            z_dim=_LATENT_SIZE,
            c_dim=0,
            w_dim=_LATENT_SIZE,
            img_resolution=subject.resolution,
            img_channels=3,
            channel_base=subject.channel_base,
            channel_max=subject.channel_max,
            **rotation,
        )
        return made.eval().requires_grad_(False)

    def filtered_lrelu(self, x: Tensor, **options: Any) -> Tensor:
        """The operator of this name: fu, fd, b, up, down, padding, gain, slope, clamp."""
        made: Tensor = self._filtered_lrelu.filtered_lrelu(x, impl="ref", **options)
        return made

    def modulated_conv2d(self, x: Tensor, w: Tensor, s: Tensor, **options: Any) -> Tensor:
        """The operator of this name: demodulate, padding."""
        made: Tensor = self._networks.modulated_conv2d(x, w, s, **options)
        return made


def write_pickle(generator: nn.Module, file: Path) -> None:
    """Writes a network file as the official training does."""
    with file.open("wb") as stream:
        pickle.dump({"G": None, "D": None, "G_ema": generator}, stream)


def _stand_in(name: str, **contents: object) -> None:
    """An empty module where the checkout imports one that playing does not need."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        module = types.ModuleType(name)
        vars(module).update(contents)
        sys.modules[name] = module
