"""Torch has one thread beside the native kernels, and all of them without."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

import cuda_ops
import model
from cuda_ops import build
from performer.threads import TorchThreads


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


class Programs:
    """Kernels that may be compiled meanwhile."""

    compiled = False

    def kinds(self, part: object) -> str | None:
        return "float32" if self.compiled else None


def test_torch_has_one_thread_as_soon_as_kernels_play_and_all_when_they_do_not() -> None:
    programs = Programs()
    threads = TorchThreads(SimpleNamespace(synthesis=SimpleNamespace(programs=programs)))
    counts = []
    for compiled in (False, True, True, False):
        programs.compiled = compiled
        threads.share()
        counts.append(torch.get_num_threads())
    assert counts == [3, 1, 1, 3]


def test_torch_has_one_thread_while_kernels_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = TorchThreads(SimpleNamespace(synthesis=SimpleNamespace()))
    counts = []
    for compiling in (True, False):
        monkeypatch.setattr(build, "is_compiling", lambda compiling=compiling: compiling)
        threads.share()
        counts.append(torch.get_num_threads())
    assert counts == [1, 3]


def test_torch_has_one_thread_beside_a_graphics_card() -> None:
    TorchThreads(SimpleNamespace(synthesis=SimpleNamespace()), "cuda").share()
    assert torch.get_num_threads() == 1


def test_a_family_without_programs_keeps_all_threads() -> None:
    TorchThreads(SimpleNamespace(synthesis=SimpleNamespace())).share()
    assert torch.get_num_threads() == 3


def test_a_network_that_torch_plays_keeps_all_threads() -> None:
    network = model.untrained(7, resolution=64)
    with cuda_ops.choose("portable"):
        TorchThreads(network).share()
    assert torch.get_num_threads() == 3


@pytest.mark.skipif(build.library() is None, reason="the native kernels are not built")
def test_a_network_that_the_kernels_play_leaves_torch_one_thread() -> None:
    TorchThreads(model.untrained(7, resolution=64)).share()
    assert torch.get_num_threads() == 1
