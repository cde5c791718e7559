"""Handwritten pickles, part by part, and how a file must be refused."""

import io
import pickle
import struct
import tempfile
import time
from pathlib import Path

import pytest
import torch

from model.errors import LoadError
from model.pickles import read

CANARY = Path(tempfile.gettempdir()) / "PICKLE_CODE_EXECUTED"


def refusal(path: Path) -> str:
    """The message with which a file is refused, after the checks that hold for all of them."""
    CANARY.unlink(missing_ok=True)
    start = time.monotonic()
    with pytest.raises(LoadError) as caught:
        read(path)
    assert time.monotonic() - start < 2
    assert not CANARY.exists(), "something in the file was run"
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert "; " in message
    return message


def refusal_of(folder: Path, data: bytes) -> str:
    path = folder / "network.pkl"
    path.write_bytes(data)
    return refusal(path)


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    data = value.to_bytes(64, "little", signed=True)
    return b"\x8a\x40" + data


def blob(data: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(data)) + data


def many(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def name(module: str, attribute: str) -> bytes:
    return text(module) + text(attribute) + b"\x93"


def call(module: str, attribute: str, *arguments: bytes) -> bytes:
    return name(module, attribute) + many(*arguments) + b"R"


def module(*items: bytes, kind: str = "class", version: int = 6) -> bytes:
    facts = {"type": text(kind), "version": number(version), "module_src": text("")}
    facts |= {"class_name": text("Generator"), "state": b"}(" + b"".join(items) + b"u"}
    pairs = b"".join(text(key) + value for key, value in facts.items())
    return call("torch_utils.persistence", "_reconstruct_persistent_obj", b"}(" + pairs + b"u")


def network(value: bytes) -> bytes:
    """A file whose only network has one attribute, with this value."""
    return b"\x80\x04}" + text("G") + module(text("attribute"), value) + b"s."


class _References(pickle.Pickler):
    def persistent_id(self, value: object) -> object:
        return value if isinstance(value, tuple) and value[:1] == ("storage",) else None


def torch_file(
    data: bytes, count: int, storage: type = torch.FloatStorage, *, claimed: int | None = None
) -> bytes:
    file = io.BytesIO()
    identity = ("storage", storage, "0", "cpu", count if claimed is None else claimed, None)
    for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, identity, ["0"]):
        _References(file, protocol=2).dump(part)
    return file.getvalue() + struct.pack("<q", count) + data


def tensor(file: bytes, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> bytes:
    return call(
        "torch._utils",
        "_rebuild_tensor_v2",
        call("torch.storage", "_load_from_bytes", blob(file)),
        number(offset),
        many(*map(number, size)),
        many(*map(number, stride)),
        b"\x89",
        b"}",
    )


FOUR_FLOATS = torch_file(struct.pack("<4f", 1, 2, 3, 4), 4)
TOUCH = text(f"touch {CANARY}")
NUMPY_STATE = many(number(3), text("<"), b"N", b"N", b"N", number(-1), number(-1), number(0))


def array(code: str, shape: tuple[int, ...], data: bytes, state: bytes = NUMPY_STATE) -> bytes:
    dtype = call("numpy", "dtype", text(code), b"\x89", b"\x88") + state + b"b"
    blank = call(
        "numpy.core.multiarray",
        "_reconstruct",
        name("numpy", "ndarray"),
        many(number(0)),
        b"C\x01b",
    )
    return blank + many(number(1), many(*map(number, shape)), dtype, b"\x89", blob(data)) + b"b"
