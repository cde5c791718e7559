"""What tests of several rooms share."""

import gc
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cuda_ops.toolchain import BuildError, find_compiler
from performer.doors import memory
from tests.cuda_driver.making import Card
from tests.cuda_ops.emulation.engine import Emulator


def pytest_collection_finish() -> None:
    """Look no more through what all tests have loaded, for which threads stop a quarter second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def run_folders() -> Iterator[None]:
    """The run folders of tests lie in one of their own, in memory too, which goes with the last test."""
    with (
        tempfile.TemporaryDirectory(dir=memory.parent(), ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(memory, "parent", lambda: Path(folder))
        yield


@pytest.fixture(scope="session")
def emulator(request: pytest.FixtureRequest) -> Emulator:
    """CUDA's kernels on the processor; what is compiled is kept for as long as its sources stay."""
    try:
        compiler = find_compiler()
    except BuildError as error:
        pytest.skip(str(error))
    if "clang" in compiler.version and shutil.which("g++") is None:
        pytest.skip("the emulator is compiled by g++ alone")
    return Emulator(request.config.cache.mkdir("cuda"))


@pytest.fixture(scope="session")
def built_card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    """A card that several processes share, and is none."""
    try:
        return Card.build(tmp_path_factory.mktemp("card"))
    except BuildError as error:
        pytest.skip(str(error))


@pytest.fixture
def card(built_card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    """The same, of which nothing was taken yet."""
    (tmp_path / "memory").mkdir()
    card = Card(built_card.library, tmp_path / "memory")
    for name, value in card.environment.items():
        monkeypatch.setenv(name, value)
    return card
