"""Temporal flicker: how much frames change, against how much the input does."""

from torch import Tensor


def change(frames: Tensor) -> Tensor:
    """The mean absolute difference from frame to frame, a number, of frames [T, C, H, W]."""
    return (frames[1:].double() - frames[:-1].double()).abs().mean()


def relative_change(outputs: Tensor, inputs: Tensor) -> float:
    """The change of outputs [T, C, H, W] over that of the inputs of the same frames.

    1: the output moves as much as its input; far more is flicker, less is sticking or softness.

    Raises:
        ValueError: fewer than two frames, another number of each, or an input that stands still.
    """
    if len(outputs) != len(inputs) or len(outputs) < 2:
        raise ValueError(f"{len(outputs)} outputs and {len(inputs)} inputs; two and more of each")
    moved = float(change(inputs))
    if moved == 0:
        raise ValueError("the input stands still, so nothing can be said about flicker")
    return float(change(outputs)) / moved
