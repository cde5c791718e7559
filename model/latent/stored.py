"""A w in a file: tensors and a JSON text, data only."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from model import tensor_files
from model.errors import LoadError

if TYPE_CHECKING:
    from model.config import Config

KEY = "performer-latent"
MEND = "make it anew with `performer project`"


def save(w: Tensor, path: str | Path, facts: Mapping[str, Any]) -> None:
    """Writes w [1 or num_ws, w_dim] with what is known of it. Errors as `tensor_files.write`."""
    tensor_files.write(Path(path), KEY, facts, {"w": w.float()})


def load(path: str | Path, config: "Config") -> Tensor:
    """w [1 or num_ws, w_dim], float32, from the file that `save` wrote.

    Raises:
        LoadError: there is none, it is damaged, or does not fit the network; one clear line.
    """
    path = Path(path)
    _, tensors = tensor_files.read(path, KEY, MEND)
    w = tensors.get("w")
    if w is None or w.ndim != 2 or w.dtype != torch.float32 or not w.isfinite().all():
        raise LoadError(f"{path}: holds no whole w; {MEND}")
    rows, width = w.shape
    if width != config.w_dim or rows not in (1, config.num_ws):
        fits = f"[1 or {config.num_ws}, {config.w_dim}]"
        raise LoadError(f"{path}: is a w [{rows}, {width}] of another network; {fits} fits here")
    return w
