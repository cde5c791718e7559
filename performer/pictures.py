"""Between pixels and tensors: a picture in, a frame out.

A tensor here is a picture as networks see it: [1, 3, H, W], RGB, nominally -1 … 1.
"""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from model.conditions import brightness as brightness
from model.conditions import resized as resized
from performer.errors import PerformerError

if TYPE_CHECKING:
    import torch

Pixels = npt.NDArray[np.uint8]


def to_tensor(
    pixels: Pixels, device: "torch.device | str" = "cpu", dtype: "torch.dtype | None" = None
) -> "torch.Tensor":
    """``pixels`` [H, W, 3] RGB as a tensor [1, 3, H, W] in -1 … 1 (float32 unless said)."""
    import torch

    if not pixels.flags.writeable:
        pixels = pixels.copy()  # torch refuses to look at what nobody may write
    return planes(torch.from_numpy(np.ascontiguousarray(pixels)).to(device), dtype or torch.float32)


def planes(interleaved: "torch.Tensor", dtype: "torch.dtype") -> "torch.Tensor":
    """Bytes [H, W, 3] where they lie as a tensor [1, 3, H, W] in -1 … 1."""
    import torch

    apart = torch.stack(interleaved.unbind(-1))[None]  # as bytes: many times a permuted copy
    wide = torch.promote_types(dtype, torch.float32)  # half precision has no 256 even steps
    return apart.to(wide).div_(127.5).sub_(1.0).to(dtype)


def crop(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The largest middle of ``pixels`` [H, W, 3] that has the shape of ``size`` (height, width)."""
    height, width = pixels.shape[:2]
    crop_height = min(height, max(1, round(width * size[0] / size[1])))
    crop_width = min(width, max(1, round(height * size[1] / size[0])))
    top, left = (height - crop_height) // 2, (width - crop_width) // 2
    return pixels[top : top + crop_height, left : left + crop_width]


def into_frame(picture: "torch.Tensor", out: Pixels) -> None:
    """Paint ``picture`` [1, 3, H, W] into ``out`` [H, W, 4] as RGBA, rounding half up.

    What lies outside -1 … 1 is clamped; alpha is 255. ``out`` may lie in shared memory. Errors:
    ValueError when the sizes differ.
    """
    import torch

    if picture.shape != (1, 3, *out.shape[:2]) or out.shape[2] != 4:
        raise ValueError(f"a picture {tuple(picture.shape)} does not fit a frame {out.shape}")
    frame = torch.from_numpy(out)
    if picture.device.type == "cpu":
        _pack(picture, frame)
    else:  # packed first, in one transfer
        frame.copy_(packed(picture))


def packed(picture: "torch.Tensor") -> "torch.Tensor":
    """The bytes of `into_frame` where the picture lies, [H, W, 4]."""
    import torch

    frame = torch.empty((*picture.shape[2:], 4), dtype=torch.uint8, device=picture.device)
    _pack(picture, frame)
    return frame


def _pack(picture: "torch.Tensor", frame: "torch.Tensor") -> None:
    for channel, plane in enumerate(picture[0]):  # one by one: far quicker than a permuted copy
        frame[..., channel] = _to_bytes(plane)
    frame[..., 3].fill_(255)


def save_png(picture: "torch.Tensor", path: Path) -> None:
    """Write ``picture`` [1, 3, H, W] as a PNG, whole or not at all; same picture, same bytes.

    Errors: PerformerError where it cannot be written.
    """
    from PIL import Image

    pixels = _to_bytes(picture)[0].permute(1, 2, 0).cpu().numpy()
    part = path.with_name(path.name + ".part")
    try:
        Image.fromarray(pixels).save(part, "PNG")
        part.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PerformerError(
            f"{path}: cannot be written ({reason}); choose another file"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # there may be no such folder
            part.unlink(missing_ok=True)


def _to_bytes(picture: "torch.Tensor") -> "torch.Tensor":
    import torch

    # Adding a half and cutting off rounds half up, where torch.round goes to the even neighbour.
    wide = torch.promote_types(picture.dtype, torch.float32)
    return picture.to(wide).mul(127.5).add_(128.0).clamp_(0.0, 255.0).to(torch.uint8)
