"""Feature maps as the steps of a program read and write them."""

from __future__ import annotations

import mmap
from ctypes import Structure

import torch
from torch import Tensor

from cuda_ops.cpu.steps import BFLOAT16, BLOCK, FLOAT32, HALF

DTYPES = {FLOAT32: torch.float32, BFLOAT16: torch.bfloat16, HALF: torch.float16}

# The memory of a map that is nothing but its geometry: no step touches its pixels, or whoever runs
# the steps gives them addresses.
NOWHERE = torch.empty(0, dtype=torch.uint8)

# Pixels that a convolution's last product may read beyond the last one.
_SLACK = 128
_LARGE_PAGE = 1 << 21


def block_count(channels: int) -> int:
    """Blocks that hold so many channels."""
    return -(-channels // BLOCK)


def slots_of(*groups: int) -> Tensor:
    """Where each channel lies when every group of channels begins a block, int32 [channels]."""
    slots, start = [], 0
    for channels in groups:
        slots.append(torch.arange(start, start + channels, dtype=torch.int32))
        start += block_count(channels) * BLOCK
    return torch.cat(slots)


def spread(values: Tensor, slots: Tensor, blocks: int, fill: float = 0.0) -> Tensor:
    """One float32 per slot, ``fill`` where no channel lies."""
    by_slot = torch.full([blocks * BLOCK], fill)
    by_slot[slots.long()] = values.detach().to(torch.float32)
    return by_slot


def zeros(count: int) -> Tensor:
    """Memory of so many bytes, in few large pages where the system has them.

    A picture's maps are walked through once a frame; with small pages, looking up where they lie
    costs about as much as reading them.
    """
    if count < _LARGE_PAGE:
        return torch.zeros(count, dtype=torch.uint8)
    room = mmap.mmap(-1, count + _LARGE_PAGE)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        room.madvise(mmap.MADV_HUGEPAGE)
    whole = torch.frombuffer(room, dtype=torch.uint8)
    start = -whole.data_ptr() % _LARGE_PAGE
    return whole[start : start + count]


class Map:
    """A feature map [channels, height, width] in blocks of channels, within a border of zeros.

    Attributes:
        kind: FLOAT32, BFLOAT16 or HALF.
        slots: where each channel lies, int32 [channels].
        rows, pitch: height and width with the border, or a pitch of the map's own.

    ValueError where ``memory`` of the caller's is too small.
    """

    def __init__(
        self,
        kind: int,
        slots: Tensor,
        size: tuple[int, int],
        border: int = 0,
        *,
        pitch: int | None = None,
        memory: Tensor | None = None,
    ) -> None:
        self.kind = kind
        self.slots = slots
        self.blocks = block_count(int(slots[-1]) + 1)
        self.height, self.width = size
        self.border = border
        self.rows, self.pitch = self.height + 2 * border, pitch or self.width + 2 * border
        if memory is None:
            memory = zeros(self.bytes)
        elif memory is not NOWHERE and memory.nbytes < self.bytes:
            raise ValueError(f"a map of {self.bytes} bytes does not fit in {memory.nbytes}")
        self.memory = memory

    @property
    def channels(self) -> int:
        """How many there are."""
        return len(self.slots)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width without the border."""
        return self.height, self.width

    @property
    def bytes(self) -> int:
        """Memory it needs."""
        pixels = self.blocks * self.rows * self.pitch + _SLACK
        return pixels * BLOCK * DTYPES[self.kind].itemsize

    @property
    def first(self) -> int:
        """Address of the first pixel inside the border."""
        return self.corner(0)

    def corner(self, padding: int) -> int:
        """Address of the first pixel, ``padding`` pixels of the border included."""
        pixels = (self.border - padding) * (self.pitch + 1)
        return self.memory.data_ptr() + pixels * BLOCK * DTYPES[self.kind].itemsize

    def block(self, index: int) -> int:
        """Address of the first pixel inside the border of one block."""
        pixels = index * self.rows * self.pitch
        return self.first + pixels * BLOCK * DTYPES[self.kind].itemsize

    def geometry(self, structure: type[Structure], side: str) -> dict[str, int]:
        """What a structure wants to know of this map as its ``side``, by name of field.

        Fields of ``in`` are ``in_type``, ``in_rows`` and so on; those of the only map that a
        structure has may lack the side.
        """
        facts = {
            "type": self.kind,
            "rows": self.rows,
            "height": self.height,
            "width": self.width,
            "pitch": self.pitch,
        }
        fields = {field[0] for field in structure._fields_}
        named = {f"{side}_{name}": value for name, value in facts.items()}
        return {name: value for name, value in (facts | named).items() if name in fields}

    def pixels(self) -> Tensor:
        """A view [blocks, height, width, 32] of what lies inside the border."""
        count = self.blocks * self.rows * self.pitch * BLOCK
        typed = self.memory.view(DTYPES[self.kind])[:count]
        whole = typed.view(self.blocks, self.rows, self.pitch, BLOCK)
        rows = slice(self.border, self.border + self.height)
        return whole[:, rows, self.border : self.border + self.width]
