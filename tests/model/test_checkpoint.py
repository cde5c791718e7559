"""A network is the same from its pickle and from the safetensors file made of it."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from model.checkpoint import convert, load, save
from model.errors import LoadError

PICKLES = sorted((Path(__file__).parents[1] / "golden" / "pickles").rglob("*.pkl"))
STYLEGAN3 = next(path for path in PICKLES if path.stem.startswith("stylegan3"))
CANVAS = next(path for path in PICKLES if path.stem.startswith("canvas"))


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("converted") / "network.safetensors"
    convert(STYLEGAN3, path)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(LoadError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert "; " in message
    return message


# What a performer may rely on


@pytest.mark.parametrize("path", PICKLES, ids=lambda path: path.stem)
def test_conversion_keeps_every_bit(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "network.safetensors"
    convert(path, target)
    original, copy = load(path), load(target)
    assert copy.config == original.config
    tensors, copies = original.state_dict(), copy.state_dict()
    assert list(copies) == list(tensors)
    for name, tensor in tensors.items():
        assert copies[name].dtype == tensor.dtype
        assert copies[name].numpy().tobytes() == tensor.numpy().tobytes(), name


def test_a_converted_network_paints_the_same_picture(converted: Path) -> None:
    original, copy = load(STYLEGAN3), load(converted)
    z = torch.randn(1, original.config.z_dim, generator=torch.Generator().manual_seed(1))
    assert torch.equal(copy.generate(z), original.generate(z))


def test_a_loaded_network_is_ready_to_play(converted: Path) -> None:
    network = load(converted)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_averaged_network_is_taken_unless_the_other_is_asked_for() -> None:
    averaged, plain = load(STYLEGAN3).state_dict(), load(STYLEGAN3, network="G").state_dict()
    assert any(not torch.equal(averaged[name], plain[name]) for name in averaged)


def test_a_canvas_file_holds_only_g_which_is_taken() -> None:
    assert load(CANVAS).config.family == "canvas"


def test_the_file_tells_where_the_weights_came_from(converted: Path) -> None:
    with safe_open(converted, framework="pt") as file:
        facts = json.loads(file.metadata()["performer"])
    assert facts["format"] == 1
    assert STYLEGAN3.name in facts["source"]
    assert "licence" in facts


def test_the_precision_is_set(converted: Path) -> None:
    assert load(converted, precision="bfloat16").precision == "bfloat16"


SLOW = ("torch._dynamo", "torch._inductor", "sympy", "scipy")


def test_loading_imports_no_compiler_and_no_designer_of_filters(converted: Path) -> None:
    code = f"""if True:
        import sys
        import model
        for path in sys.argv[1:]:
            model.load(path)
        print([name for name in {SLOW} if name in sys.modules])"""
    command = [sys.executable, "-c", code, str(converted), *map(str, PICKLES)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


# Writing


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(b"old")

    def full(file: Path, data: bytes) -> None:
        with file.open("wb") as half:
            half.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    network = load(converted)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space"):
            save(network, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_only_a_name_that_can_be_loaded_again_is_written(converted: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.safetensors"):
        save(load(converted), tmp_path / "network.pt")
    assert not list(tmp_path.iterdir())


def test_playing_goes_on_when_the_file_is_replaced(converted: Path, tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(converted.read_bytes())
    network = load(path)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    path.write_bytes(bytes(path.stat().st_size))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


# Files from outside


def test_an_unknown_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.touch()
    assert "neither .pkl nor .safetensors" in refusal(path)


def test_an_unknown_network_of_a_file_is_refused() -> None:
    with pytest.raises(ValueError, match="no network 'D'"):
        load(STYLEGAN3, network="D")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "absent.safetensors")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"abc", "is not a safetensors file"),
        (struct.pack("<Q", 1 << 50) + b"{}", "is not a safetensors file"),
        (struct.pack("<Q", 100) + b"{}", "is damaged"),
        (struct.pack("<Q", 2) + b"{}", "not written by performer"),
        (struct.pack("<Q", 200_000) + b"[" * 200_000, "is damaged"),
    ],
)
def test_a_broken_file_is_refused(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(data)
    assert reason in refusal(path)


def test_a_truncated_file_is_refused(converted: Path, tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(converted.read_bytes()[:-5])
    assert "is damaged" in refusal(path)


Facts = dict[str, object]


def retold(converted: Path, folder: Path, description: str) -> Path:
    """The converted file with another description."""
    path = folder / "network.safetensors"
    with safe_open(converted, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, path, metadata={"performer": description})
    return path


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("9" * 10_000, "not JSON"),
        ("[]", "incomplete"),
        ('{"format": 1}', "incomplete"),
        ('{"format": 2, "config": {}}', "newer format"),
        ('{"format": 1, "config": {"family": "stylegan4"}}', "configuration is wrong"),
        ('{"format": 1, "config": {"family": "stylegan3"}}', "configuration is wrong"),
    ],
)
def test_a_wrong_description_is_refused(
    description: str, reason: str, converted: Path, tmp_path: Path
) -> None:
    assert reason in refusal(retold(converted, tmp_path, description))


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.update(resolution=-1),
        lambda config: config.update(resolution="__import__('os')"),
        lambda config: config.update(unknown=1),
        lambda config: config["mapping"].update(features=[1 << 15] * 60),
        lambda config: config["synthesis"][0].update(in_channels=1 << 14, out_channels=1 << 14),
        lambda config: config["synthesis"].pop(),
        lambda config: config["synthesis"][0].update(in_cutoff=1e9),
        lambda config: config["synthesis"][0].update(name="eval"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused_without_allocating_it(
    change: Callable[[dict[str, object]], None], converted: Path, tmp_path: Path
) -> None:
    with safe_open(converted, framework="pt") as file:
        facts = json.loads(file.metadata()["performer"])
    change(facts["config"])
    refusal(retold(converted, tmp_path, json.dumps(facts)))


def test_a_missing_tensor_is_named(converted: Path, tmp_path: Path) -> None:
    with safe_open(converted, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    path = tmp_path / "network.safetensors"
    del tensors["mapping.w_avg"]
    save_file(tensors, path, metadata=metadata)
    assert "mapping.w_avg is missing" in refusal(path)
