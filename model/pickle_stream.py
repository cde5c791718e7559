"""The bytes of a file from outside, and what may be spent on reading them."""

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

LONGEST_NAME = 256


class MalformedError(Exception):
    """The bytes are not what a network file may hold. The message says what is wrong."""


@dataclass
class Budget:
    """What is left to spend on one file, its inner files included.

    A file of four networks takes 40 thousand instructions, 30 kB of text besides its programs'
    source, and 3 thousand plain values, whatever the size of its tensors.
    """

    data_bytes: int
    opcodes: int = 200_000
    text_bytes: int = 1 << 24
    plain_values: int = 300_000

    def spend_data(self, count: int) -> None:
        self.data_bytes -= count
        if self.data_bytes < 0:
            raise MalformedError("claims more tensor data than the file holds")

    def spend_opcode(self) -> None:
        self.opcodes -= 1
        if self.opcodes < 0:
            raise MalformedError("has too many instructions for a network")

    def spend_text(self, count: int) -> None:
        self.text_bytes -= count
        if self.text_bytes < 0:
            raise MalformedError("holds too much text for a network")

    def spend_plain_values(self, count: int) -> None:
        self.plain_values -= count
        if self.plain_values < 0:
            raise MalformedError("holds too many values for a network")


def decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise MalformedError("holds text that is not UTF-8") from None


class Stream:
    """The bytes of a file in order; what is claimed is checked before it is read."""

    def __init__(self, file: BinaryIO, byte_count: int) -> None:
        self._file = file
        self.bytes_left = byte_count

    @classmethod
    def of(cls, data: bytes) -> "Stream":
        return cls(io.BytesIO(data), len(data))

    def take(self, count: int) -> bytes:
        if count > self.bytes_left:
            raise MalformedError("is cut short")
        data = self._file.read(count)
        if len(data) != count:
            raise MalformedError("became shorter while it was read")
        self.bytes_left -= count
        return data

    def number(self, layout: str) -> int:
        value: int = struct.unpack(layout, self.take(struct.calcsize(layout)))[0]
        return value

    def line(self) -> str:
        data = self._file.readline(min(LONGEST_NAME, self.bytes_left))
        self.bytes_left -= len(data)
        if not data.endswith(b"\n"):
            raise MalformedError("holds a name without an end")
        return decoded(data[:-1])
