"""A pickle that would exhaust the computer is refused, quickly."""

from pathlib import Path

import pytest

from tests.model.pickle_parts import (
    blob,
    call,
    module,
    network,
    number,
    refusal_of,
    text,
    torch_file,
)


def doubled(times: int) -> bytes:
    """A pair of one pair twice, and so on: 2**times values in few bytes."""
    return b"N" + b"".join(b"\x94h" + bytes([i]) + b"\x86" for i in range(times))


SET_HELD_OFTEN = b"(\x8f(" + b"K\x01" * 9 + text("a") + b"\x90\x94" + b"h\x00" * 110_000 + b"t"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"N" + b"\x85" * 150_000, "too deeply"),
        (b"]" * 90_000 + b"a" * 89_999, "too deeply"),
        (b"]\x94h\x00a", "too deeply"),
        (b"}\x94" + text("k") + b"h\x00s", "too deeply"),
        (doubled(25), "too many values"),
        (SET_HELD_OFTEN, "too many values"),
        (b"N" * 400_000, "too many instructions"),
        (b"]" + b"]" * 400_000, "too many instructions"),
        (b"X\xff\xff\xff\x7f", "text too long"),
        (b"B\xff\xff\xff\x7f", "too large"),
        (b"\x8e" + b"\xff" * 8, "too large"),
        (b"(" + text("x" * (1 << 20)) * 17 + b"l", "too much text"),
        (b"}(" + b"".join(number(i << 61) + b"N" for i in range(1 << 16)) + b"u", "key"),
        (b"}" + b"N\x85Ns", "key"),
        (b"\x8f(N\x85\x90", "key"),
    ],
)
def test_a_file_that_would_exhaust_the_computer_is_refused(
    value: bytes, reason: str, tmp_path: Path
) -> None:
    assert reason in refusal_of(tmp_path, network(value))


def test_one_storage_cannot_be_multiplied(tmp_path: Path) -> None:
    data = blob(torch_file(bytes(4 << 20), 1 << 20)) + b"\x94"
    loads = call("torch.storage", "_load_from_bytes", b"h\x00") * 9
    assert "more tensor data than the file holds" in refusal_of(
        tmp_path, network(b"(" + data + loads + b"t")
    )


def test_modules_cannot_nest_for_ever(tmp_path: Path) -> None:
    value = module()
    for _ in range(40):
        value = module(text("_modules"), b"}" + text("m") + value + b"s")
    assert "too deeply" in refusal_of(tmp_path, b"\x80\x04}" + text("G") + value + b"s.")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"0",
        b"a",
        b"R",
        b"t",
        b"(",
        b"(((",
        b"h\x09",
        b"\x93",
        b"\x94",
        b"s",
        b"u",
        b"Na",
        b"NNs",
    ],
)
def test_an_ill_formed_pickle_is_refused(value: bytes, tmp_path: Path) -> None:
    refusal_of(tmp_path, b"\x80\x04" + value + b".")
    refusal_of(tmp_path, network(value))
