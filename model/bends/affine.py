"""Moving feature maps about: one bilinear resampling, mirrored at the borders."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def resample(features: "torch.Tensor", matrix: "torch.Tensor") -> "torch.Tensor":
    """Read ``features`` [N, C, H, W] at ``matrix @ (x, y, 1)``.

    ``matrix`` [2, 3] maps output to input positions, in pixels about the centre of the map, x to
    the right and y down.
    """
    from torch.nn import functional

    height, width = features.shape[-2:]
    half = matrix.new_tensor([width / 2, height / 2])
    scale = matrix.new_tensor([width / 2, height / 2, 1.0])
    theta = matrix * scale / half[:, None]
    grid = functional.affine_grid(
        theta.expand(features.shape[0], 2, 3).to(features.dtype),
        list(features.shape),
        align_corners=False,
    )
    return functional.grid_sample(
        features, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
