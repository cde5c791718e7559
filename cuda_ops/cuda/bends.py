"""Bends as steps whose amounts lie on the device: see ``bends.cu``."""

from __future__ import annotations

from torch import Tensor

from cuda_ops.cuda.engine import Engine, Step, over
from cuda_ops.cuda.kinds import Kind
from cuda_ops.cuda.maps import address, variant, words
from cuda_ops.cuda.parameters import Affine, Extreme, Multiply


def affine(
    engine: Engine,
    kind: Kind,
    source: Tensor,
    out: Tensor,
    amounts: Tensor,
    matrix: Tensor,
    mask: Tensor | None = None,
) -> Step[Affine]:
    """``source`` read at ``matrix`` [2, 3] of each position, in pixels about the middle.

    ``amounts`` begins with the mix; ``mask`` is uint8 by slot, None for all.
    """
    parameters = Affine(
        source=source.data_ptr(),
        out=out.data_ptr(),
        mask=address(mask),
        amounts=amounts.data_ptr(),
        matrix=matrix.data_ptr(),
        slots=source.shape[1],
        height=source.shape[2],
        width=source.shape[3],
    )
    kernel = engine.load(variant("affine_bend_kernel", kind, "bends"))
    held = (source, out, mask, amounts, matrix)
    return Step(kernel, over(words(kind, source)), parameters, held)


def extreme(
    engine: Engine,
    kind: Kind,
    source: Tensor,
    between: Tensor,
    out: Tensor,
    amounts: Tensor,
    *,
    smallest: bool,
    mask: Tensor | None = None,
) -> list[Step[Extreme]]:
    """The largest or smallest of a square of pixels: dilation, erosion.

    ``amounts`` are the mix and the square's side; ``between`` is a map to work in.
    """
    kernel = engine.load(variant("extreme_bend_kernel", kind, "bends"))

    def step(read: Tensor, plain: Tensor | None, written: Tensor, vertical: bool) -> Step[Extreme]:
        parameters = Extreme(
            source=read.data_ptr(),
            plain=address(plain),
            out=written.data_ptr(),
            mask=address(mask),
            amounts=amounts.data_ptr(),
            slots=source.shape[1],
            height=source.shape[2],
            width=source.shape[3],
            vertical=vertical,
            smallest=smallest,
        )
        held = (read, plain, written, mask, amounts)
        return Step(kernel, over(words(kind, source)), parameters, held)

    return [step(source, None, between, False), step(between, source, out, True)]


def multiply(
    engine: Engine,
    kind: Kind,
    source: Tensor,
    out: Tensor,
    amounts: Tensor,
    mask: Tensor | None = None,
) -> Step[Multiply]:
    """``source`` times ``amounts[1]``, mixed by ``amounts[0]``."""
    parameters = Multiply(
        source=source.data_ptr(),
        out=out.data_ptr(),
        mask=address(mask),
        amounts=amounts.data_ptr(),
        slots=source.shape[1],
        pixels=source.shape[2] * source.shape[3],
    )
    kernel = engine.load(variant("multiply_bend_kernel", kind, "bends"))
    return Step(kernel, over(words(kind, source)), parameters, (source, out, mask, amounts))
