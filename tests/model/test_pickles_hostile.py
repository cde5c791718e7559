"""A pickle that would run something, or lies about its data, is refused."""

from pathlib import Path

import pytest
import torch

from model.pickles import contents, read
from model.tree import Node
from tests.model.pickle_parts import (
    FOUR_FLOATS,
    NUMPY_STATE,
    TOUCH,
    array,
    blob,
    call,
    many,
    module,
    name,
    network,
    number,
    refusal_of,
    tensor,
    text,
    torch_file,
)


def test_the_handwritten_pickles_are_otherwise_sound(tmp_path: Path) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(network(tensor(FOUR_FLOATS, (3, 1), (1, 1), 1)))
    found = contents(path)["G"]
    assert isinstance(found, Node)
    assert torch.equal(found.tensors["attribute"], torch.tensor([[2.0], [3.0], [4.0]]))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (call("os", "system", TOUCH), "'os' 'system'"),
        (call("posix", "system", TOUCH), "'posix' 'system'"),
        (call("builtins", "exec", TOUCH), "'builtins' 'exec'"),
        (call("torch", "serialization.os.system", TOUCH), "os.system"),
        (call("torch", "load", TOUCH), "'torch' 'load'"),
        (call("builtins", "getattr", name("torch", "device"), text("mro")), "getattr"),
        (b"cos\nsystem\n" + many(TOUCH) + b"R", "'os' 'system'"),
        (many(TOUCH) + b"ios\nsystem\n", "instruction b'i'"),
        (b"(ccollections\nOrderedDict\n" + TOUCH + b"o", "instruction b'o'"),
        (name("os\nx" * 999, "system"), "which no network needs"),
        (name("\ud800", "\x1b[2J"), "which no network needs"),
        (text("os.system") + many(TOUCH) + b"R", "not a well-formed pickle"),
        (name("numpy", "ndarray") + many(TOUCH) + b"R", "not a well-formed pickle"),
        (name("collections", "OrderedDict") + b")\x81", "not a well-formed pickle"),
        (b"}}b", "not a well-formed pickle"),
        (number(7) + b"Q", "not a well-formed pickle"),
    ],
)
def test_a_call_of_anything_unknown_is_refused(value: bytes, reason: str, tmp_path: Path) -> None:
    assert reason in refusal_of(tmp_path, network(value))


def test_a_call_hidden_in_tensor_data_is_refused(tmp_path: Path) -> None:
    hidden = b"\x80\x02cposix\nsystem\n" + many(TOUCH) + b"R."
    value = call("torch.storage", "_load_from_bytes", blob(hidden))
    assert "'posix' 'system'" in refusal_of(tmp_path, network(value))


@pytest.mark.parametrize("change", [{"kind": "plugin"}, {"version": 7}])
def test_an_unknown_way_of_storing_modules_is_refused(
    change: dict[str, object], tmp_path: Path
) -> None:
    value = module(**change)  # type: ignore[arg-type]
    assert "unknown way" in refusal_of(tmp_path, b"\x80\x04}" + text("G") + value + b"s.")


SHORT = "claimed size"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (tensor(FOUR_FLOATS, (5,), (1,)), "past the end"),
        (tensor(FOUR_FLOATS, (4,), (1,), 1), "past the end"),
        (tensor(FOUR_FLOATS, (0,), (1,), 5), "past the end"),
        (tensor(FOUR_FLOATS, (2, 2), (4, 1)), "past the end"),
        (tensor(FOUR_FLOATS, (1 << 20, 1 << 19), (0, 0)), "repeats"),
        (tensor(FOUR_FLOATS, (2, 3), (1, 1)), "repeats"),
        (tensor(FOUR_FLOATS, (4,), (-1,), 3), "negative"),
        (tensor(FOUR_FLOATS, (-4,), (1,)), "negative"),
        (tensor(FOUR_FLOATS, (1 << 200,), (1,)), "impossible size"),
        (tensor(FOUR_FLOATS, (0, 1 << 200), (1, 1)), "impossible size"),
        (tensor(FOUR_FLOATS, (1,) * 9, (1,) * 9), "impossible dimensions"),
        (tensor(FOUR_FLOATS, (4,), (1, 1)), "impossible dimensions"),
        (tensor(FOUR_FLOATS[:-1], (4,), (1,)), SHORT),
        (tensor(FOUR_FLOATS + b"\0", (4,), (1,)), SHORT),
        (tensor(torch_file(bytes(64), 1 << 40), (1 << 20, 1 << 20), (1 << 20, 1)), SHORT),
        (tensor(torch_file(bytes(16), 4, claimed=5), (4,), (1,)), SHORT),
        (tensor(torch_file(b"", -1), (0,), (1,)), SHORT),
        (tensor(b"", (4,), (1,)), "cut short"),
        (tensor(b"PK\x03\x04", (4,), (1,)), "instruction b'P'"),
    ],
)
def test_a_tensor_that_lies_about_itself_is_refused(
    value: bytes, reason: str, tmp_path: Path
) -> None:
    assert reason in refusal_of(tmp_path, network(value))


def test_a_size_of_true_means_one(tmp_path: Path) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(network(tensor(FOUR_FLOATS, (1,), (1,)).replace(number(1), b"\x88")))
    found = read(path)["G"]
    assert found is not None
    assert found.tensors["attribute"] == torch.tensor([1.0])


def test_booleans_are_clean_whatever_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "network.pkl"
    file = torch_file(bytes([0, 1, 2, 255]), 4, torch.BoolStorage)
    path.write_bytes(network(tensor(file, (4,), (1,))))
    found = read(path)["G"]
    assert found is not None
    values = found.tensors["attribute"]
    assert values is not None
    assert values.view(torch.uint8).tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (array("O8", (1,), bytes(8)), "not plain numbers"),
        (array("V8", (1,), bytes(8)), "not plain numbers"),
        (array("i8", (1,), bytes(8), NUMPY_STATE.replace(b"<", b">")), "little-endian"),
        (array("i8", (2,), bytes(8)), SHORT),
        (array("i8", (1 << 40, 0), b""), "too many values"),
        (array("i8", (-1,), bytes(8)), "impossible dimensions"),
    ],
)
def test_a_numpy_array_that_lies_about_itself_is_refused(
    value: bytes, reason: str, tmp_path: Path
) -> None:
    assert reason in refusal_of(tmp_path, network(value))
