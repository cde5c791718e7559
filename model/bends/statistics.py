"""The features that a layer has for a picture or a seed."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from model.network import Network


def features_of(network: "Network", layer: str, file: Path | None, seed: int) -> "torch.Tensor":
    """The maps [1, C, H, W] of ``layer``, for the picture in ``file`` where there is an encoder.

    Errors: ValueError, ``what; mend``, for a picture that is missing or not to be had.
    """
    import torch

    import cuda_ops
    from model import networks
    from model.latent import seed_vector

    if network.encoder is None and file is not None:
        raise ValueError("this network sees no picture; take the statistics of a seed")
    if network.encoder is not None and file is None:
        raise ValueError("has no file, whose statistics it would take; name a picture")
    # With a network of its own around the same weights, since this one may be playing meanwhile.
    network = networks.assemble(network.config, network.state_dict())
    like = network.mapping.w_avg
    classes = network.config.c_dim
    label = torch.eye(1, classes, device=like.device) if classes else None
    with torch.inference_mode(), cuda_ops.choose("portable"):
        z = torch.from_numpy(seed_vector(seed, network.config.z_dim)[None]).to(like)
        code = None if file is None else network.encoder(_condition(network, file).to(like))  # type: ignore[misc]
        _, maps = network.synthesis(network.mapping(z, label), code, features=[layer])
    found: torch.Tensor = maps[layer]
    return found


def _condition(network: "Network", file: Path) -> "torch.Tensor":
    """The middle of the picture in ``file``, as large as the encoder's native condition."""
    import numpy as np
    import torch
    from PIL import ImageOps

    from model.bends import picture_file

    size = network.config.encoder.size  # type: ignore[union-attr]
    with picture_file.opened(file) as picture:
        fitted = ImageOps.fit(picture.convert("RGB"), tuple(size))
    pixels = torch.from_numpy(np.asarray(fitted, np.float32) / 127.5 - 1)
    return pixels.permute(2, 0, 1)[None]
