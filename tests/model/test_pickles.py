"""Every published file is recovered exactly; every other file is refused with one clear line."""

import hashlib
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from model.pickles import contents, read
from model.tree import Node
from tests.model.pickle_parts import CANARY, refusal

TESTS = Path(__file__).parents[1]
GOOD_FILES = sorted((TESTS / "golden" / "pickles").rglob("*.pkl"))
HOSTILE_FILES = sorted((TESTS / "hostile").glob("*.pkl"))


@pytest.fixture(autouse=True)
def _nothing_is_run() -> Iterator[None]:
    CANARY.unlink(missing_ok=True)
    yield
    assert not CANARY.exists(), "a program in the file was run"


# Published files


def modules_by_path(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    yield path, node
    for name, child in node.modules.items():
        yield from modules_by_path(child, f"{path}.{name}".lstrip("."))


def tensor_facts(tensor: torch.Tensor | None) -> dict[str, object] | None:
    if tensor is None:
        return None
    values = tensor.numpy()
    return {
        "shape": list(values.shape),
        "dtype": str(values.dtype),
        "sha256": hashlib.sha256(values.tobytes()).hexdigest()[:24],
    }


def as_json(value: object) -> object:
    return json.loads(json.dumps(value))


def expected_facts(expected: dict[str, object]) -> dict[str, object]:
    def without_extras(fact: dict[str, object] | None) -> dict[str, object] | None:
        return fact and {key: fact[key] for key in ("shape", "dtype", "sha256")}

    def device_names(value: object) -> object:
        if isinstance(value, dict) and "__device__" in value:
            return value["__device__"]
        return value

    return {
        "class_name": expected["class_name"],
        "tensors": {name: without_extras(fact) for name, fact in expected["tensors"].items()},
        "attributes": {name: device_names(v) for name, v in expected["attrs"].items()},
    }


def recovered_facts(node: Node) -> dict[str, object]:
    return {
        "class_name": node.class_name,
        "tensors": {name: tensor_facts(tensor) for name, tensor in node.tensors.items()},
        "attributes": as_json(node.attributes),
    }


def test_there_are_published_files() -> None:
    assert GOOD_FILES
    assert len(HOSTILE_FILES) == 10


@pytest.mark.parametrize("path", GOOD_FILES, ids=lambda path: path.stem)
def test_a_published_file_is_recovered_exactly(path: Path) -> None:
    name = path.stem.split("__")[0]
    expected = json.loads((TESTS / "golden" / "loader_expect" / f"{name}.json").read_text())
    recovered = contents(path)
    assert recovered.keys() == expected.keys()
    for key, want in expected.items():
        if "value" in want:
            assert as_json(recovered[key]) == want["value"]
            continue
        modules = dict(modules_by_path(recovered[key]))
        assert list(modules) == list(want["modules"])
        for module_path, module in modules.items():
            assert recovered_facts(module) == expected_facts(want["modules"][module_path])


@pytest.mark.parametrize("path", GOOD_FILES, ids=lambda path: path.stem)
def test_the_networks_are_found_by_key(path: Path) -> None:
    networks = read(path)
    assert set(networks) == {"G", "D", "G_ema"}
    assert isinstance(networks["G"], Node)


# Hostile files


@pytest.mark.parametrize("path", HOSTILE_FILES, ids=lambda path: path.stem)
def test_a_hostile_file_is_refused_at_once(path: Path) -> None:
    tracemalloc.start()
    refusal(path)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 20 << 20


MEMORY_PROBE = """
import resource, sys
from pathlib import Path
from model.errors import LoadError
from model.pickles import read

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = peak_mib()
for name in sys.argv[1:]:
    try:
        read(Path(name))
    except LoadError:
        pass
print(peak_mib() - before)
"""


def test_hostile_files_take_little_memory_in_torch_as_well() -> None:
    command = [sys.executable, "-c", MEMORY_PROBE, *map(str, HOSTILE_FILES)]
    growth = subprocess.run(command, cwd=TESTS.parent, check=True, capture_output=True, text=True)
    assert float(growth.stdout) < 50
