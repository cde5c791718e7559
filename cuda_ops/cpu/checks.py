"""What the steps of a program must agree on: a wrong pair would write past a map.

Each raises ValueError. They are mistakes of whoever writes a program down, who sees at once which
step is meant; a run checks nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ctypes import Structure

import torch
from torch import Tensor

from cuda_ops.cpu.filters import DOWN_TAPS, FACTORS, MOST_PRODUCTS, UP_TAPS, Separable
from cuda_ops.cpu.kernels import half_types
from cuda_ops.cpu.maps import Map
from cuda_ops.cpu.steps import BFLOAT16, BLOCK, FLOAT32, HALF, Convolution

NAMES = {FLOAT32: "float32", BFLOAT16: "bfloat16", HALF: "float16"}


def check(holds: bool, otherwise: str) -> None:
    """ValueError with these words where something does not hold."""
    if not holds:
        raise ValueError(otherwise)


def check_kind(what: str, lies: Map, kinds: Collection[int]) -> None:
    """A map must be of one of some types."""
    names = " or ".join(NAMES[kind] for kind in sorted(kinds))
    check(lies.kind in kinds, f"{what} must be {names}, not {NAMES[lies.kind]}")


def check_floats(what: str, values: Tensor, shape: Sequence[int]) -> None:
    """A tensor must be read as plain float32 of a shape."""
    plain = values.dtype == torch.float32 and values.is_contiguous() and values.device.type == "cpu"
    check(plain, f"{what} must be plain float32 on the processor")
    check(tuple(values.shape) == tuple(shape), f"{what} must be {[*shape]}, not {[*values.shape]}")


def check_slots(what: str, values: Tensor, blocks: int) -> None:
    """A tensor must have a float32 for each slot of some blocks; more does no harm."""
    check_floats(what, values, values.shape[:1])
    enough = len(values) >= blocks * BLOCK
    check(enough, f"{what} must have a number for {blocks * BLOCK} slots, not for {len(values)}")


def check_size(what: str, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    """Height and width must be what another map makes them."""
    check(size == wanted, f"{what} must be {wanted[0]} by {wanted[1]}, not {size[0]} by {size[1]}")


def check_blocks(what: str, blocks: int, room: int) -> None:
    """What is written must have room."""
    check(blocks <= room, f"{what} has room for {room} blocks, not for {blocks}")


def between_kinds() -> set[int]:
    """The types that filters read, and that lie behind a convolution."""
    return {FLOAT32, half_types()[1]}


def source_kinds() -> set[int]:
    """The types that convolutions read."""
    return {FLOAT32, half_types()[0]}


def written_kinds() -> set[int]:
    """The types that convolutions and mirrors write."""
    return {BFLOAT16} | between_kinds()


def check_convolution(source: Map, kernel: Tensor, padding: int) -> None:
    """A kernel must fit the map it correlates, and the padding its border."""
    check_kind("the input of a convolution", source, source_kinds())
    _, inputs, height, width = kernel.shape
    check(height == width, f"a kernel must be square, not {height} by {width}")
    fits = inputs == source.channels
    check(fits, f"a kernel of {inputs} inputs does not fit {source.channels} channels")
    within = 0 <= padding <= source.border
    check(within, f"a padding of {padding} is not within a border of {source.border}")


def check_filters(source: Map, out: Map, up: Tensor, down: Separable, factor: int) -> None:
    """Maps and taps of a filtered leaky ReLU must go together."""
    check_kind("the input of filters", source, between_kinds())
    check_kind("the output of these filters", out, {source.kind, BFLOAT16})
    check_blocks("the output of filters", source.blocks, out.blocks)
    check_taps(up, down, factor)


def check_gradient(
    source: Map, grad: Map, out: Map, up: Tensor, down: Separable, factor: int
) -> None:
    """Maps and taps of the gradient of a filtered leaky ReLU must go together."""
    for what, each in (("input", source), ("gradient", grad), ("output", out)):
        check_kind(f"the {what} of a filters' gradient", each, {FLOAT32})
    check_blocks("a filters' gradient", source.blocks, grad.blocks)
    alike = (source.blocks, source.rows, source.pitch) == (out.blocks, out.rows, out.pitch)
    check(alike, "what a filters' gradient writes must lie as its input does")
    check_taps(up, down, factor)


def check_taps(up: Tensor, down: Separable, factor: int) -> None:
    """Taps of a filtered leaky ReLU must be those that the kernels know."""
    check(factor in FACTORS, f"a factor must be 2 or 4, not {factor}")
    check_floats("an up-filter", up, [UP_TAPS * factor])
    rank = len(down.down)
    check(1 <= rank <= MOST_PRODUCTS, f"a filter must be 1 to {MOST_PRODUCTS} products, not {rank}")
    for taps in down:
        check_floats("a down-filter", taps, [rank, DOWN_TAPS])
    symmetric = torch.allclose(down.across, down.across.flip(1), atol=1e-6)
    check(rank == 1 or symmetric, "where filters are several products, they must be symmetric")


def check_joined(first: Structure, last: Sequence[Structure], behind: Sequence[Structure]) -> None:
    """The last steps of a program must be those of a layer, around one and the same map."""
    same = all(one is other for one, other in zip(last, behind, strict=True))
    layer = isinstance(first, Convolution) and first.runs == 1 and same
    check(
        layer, "a layer is a convolution in one run, perhaps a mirror, and filters, in this order"
    )
    filtered = behind[-1]
    read = (filtered.in_type, filtered.in_rows, filtered.in_pitch)
    for each in (first, *behind[:-1]):
        through = (each.out_type, each.out_rows, each.out_pitch) == read
        check(through, "a layer's filters must read the map that its other steps write")
