"""Tensors in torch's old file format, as they lie inside network pickles.

Such a file is five pickles in a row (a magic number, the format's version, facts about the system,
the reference to a storage, the list of storage keys) and then, for the one storage, an int64
element count and the raw little-endian values. Location tags ("cuda:0") are ignored: everything
is read to the CPU.
"""

from dataclasses import dataclass
from math import prod

import torch

from model.pickle_machine import Machine, Names
from model.pickle_stream import Budget, MalformedError, Stream

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
FORMAT_VERSION = 1001
MOST_DIMENSIONS = 8
LARGEST_LAYOUT = 1 << 40

_STORAGE_CLASSES: Names = {
    ("torch", "BoolStorage"): torch.bool,
    ("torch", "ByteStorage"): torch.uint8,
    ("torch", "CharStorage"): torch.int8,
    ("torch", "ShortStorage"): torch.int16,
    ("torch", "IntStorage"): torch.int32,
    ("torch", "LongStorage"): torch.int64,
    ("torch", "HalfStorage"): torch.float16,
    ("torch", "BFloat16Storage"): torch.bfloat16,
    ("torch", "FloatStorage"): torch.float32,
    ("torch", "DoubleStorage"): torch.float64,
}


@dataclass(frozen=True)
class Storage:
    """The values `[count]` that one or more tensors look at."""

    values: torch.Tensor


@dataclass(frozen=True)
class _Reference:
    dtype: torch.dtype
    key: str
    count: int


def read_storage(file: bytes, budget: Budget) -> Storage:
    """Reads one complete old-style torch file.

    Raises:
        MalformedError: it is broken, or claims values that are not there.
    """
    stream = Stream.of(file)
    magic, version, system = (Machine(stream, budget, {}).run() for _ in range(3))
    if magic != MAGIC_NUMBER or version != FORMAT_VERSION:
        raise MalformedError("holds a tensor that is not in torch's old format")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise MalformedError("holds big-endian tensors")
    reference = Machine(stream, budget, _STORAGE_CLASSES, _reference).run()
    keys = Machine(stream, budget, {}).run()
    if not isinstance(reference, _Reference) or keys != [reference.key]:
        raise MalformedError("holds a tensor file without exactly one storage")
    return Storage(_values(stream, reference, budget))


def _reference(identity: object) -> _Reference:
    match identity:
        case ("storage", torch.dtype() as dtype, str(key), str(), int(count), None):
            return _Reference(dtype, key, count)
    raise MalformedError("holds a tensor storage without a proper description")


def _values(stream: Stream, reference: _Reference, budget: Budget) -> torch.Tensor:
    count = stream.number("<q")
    byte_count = count * reference.dtype.itemsize
    if count != reference.count or byte_count != stream.bytes_left:
        raise MalformedError("holds a tensor storage whose claimed size is not its real one")
    budget.spend_data(byte_count)
    if count == 0:
        return torch.empty(0, dtype=reference.dtype)
    data = bytearray(stream.take(byte_count))  # torch keeps and may write to this copy
    if reference.dtype is torch.bool:  # a byte other than 0 and 1 would be undefined behaviour
        return torch.frombuffer(data, dtype=torch.uint8).ne(0)
    return torch.frombuffer(data, dtype=reference.dtype)


def view(
    storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], budget: Budget
) -> torch.Tensor:
    """A contiguous tensor of `size`, read from a storage with `stride` and `offset` in elements.

    Raises:
        MalformedError: the tensor reaches outside its storage, or repeats its elements.
    """
    _check_layout(offset, size, stride)
    element_count = prod(size)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    held = len(storage.values)
    if (element_count and last >= held) or offset > held:
        raise MalformedError("holds a tensor that reaches past the end of its storage")
    if element_count > held or any(n > 1 and s == 0 for n, s in zip(size, stride, strict=True)):
        raise MalformedError("holds a tensor that repeats the elements of its storage")
    budget.spend_data(element_count * storage.values.itemsize)
    return torch.as_strided(storage.values, size, stride, offset).contiguous()


def _check_layout(offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
    if len(size) != len(stride) or len(size) > MOST_DIMENSIONS:
        raise MalformedError("holds a tensor with impossible dimensions")
    if min(offset, *size, *stride, 0) < 0:
        raise MalformedError("holds a tensor with a negative size, stride or offset")
    if max(offset, prod(max(n, 1) for n in size), *stride, 0) > LARGEST_LAYOUT:
        raise MalformedError("holds a tensor of impossible size")
