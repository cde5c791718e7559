"""Torch has one thread beside native kernels, all of them without; errands have one of their own."""

import concurrent.futures.thread
import os
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

import cuda_ops
import model
from cuda_ops import build
from performer.threads import Errands, TorchThreads, give_way


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


def test_a_thread_that_has_less_right_already_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr(os, "setpriority", lambda which, who, niceness: taken.append(niceness))
    for standing in (0, 15, 19):
        monkeypatch.setattr(os, "getpriority", lambda which, who, now=standing: now)
        give_way(15)
    assert taken == [15]


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


def _fail() -> None:
    raise ValueError


def test_errands_are_done_in_order_and_what_fails_is_told() -> None:
    done: list[int] = []
    errands = Errands("test", lambda: done.append(9))
    first = errands.submit(lambda: done.append(1))
    second = errands.submit(_fail)
    third = errands.submit(lambda: done.append(3))
    third.result(60)
    assert first.done()
    assert isinstance(second.exception(), ValueError)
    assert done == [1, 3]


def test_errands_may_be_dropped_wherever_the_collector_comes() -> None:
    """It came once within the start of another task, whose lock an executor would wait for."""
    over = threading.Event()
    errands: list[Errands] = [Errands("test", over.set)]
    errands[0].submit(lambda: None).result(60)
    with concurrent.futures.thread._global_shutdown_lock:
        errands.clear()
        assert over.wait(60)
