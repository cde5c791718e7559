"""How sharp a picture is, whatever it shows."""

import torch.nn.functional as F
from torch import Tensor

LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))


def sharpness(images: Tensor) -> Tensor:
    """The root mean square of the Laplacian, [N], float64, of pictures [N, C, H, W].

    It grows with contrast, too: compare pictures of the same thing (Pertuz et al. 2013, "Analysis
    of focus measure operators", LAP).
    """
    x = images.double()
    kernel = x.new_tensor(LAPLACIAN).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernel, groups=x.shape[1]).square().mean((1, 2, 3)).sqrt()


def relative_sharpness(expanded: Tensor, native: Tensor) -> Tensor:
    """[N]: how sharp the middle of an expanded canvas is against the native picture; 1 is as sharp.

    ``expanded`` [N, C, H, wide] shows in its middle what ``native`` [N, C, H, W] shows.
    """
    left = (expanded.shape[3] - native.shape[3]) // 2
    middle = expanded[..., left : left + native.shape[3]]
    return sharpness(middle) / sharpness(native)
