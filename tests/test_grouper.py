"""Groups from a process of their own: the same ones, whatever becomes of the process or of us."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import psutil
import pytest

from model.clusters.grouping import Array, Labels, followed
from performer.grouper import Grouper

_ASKS_AND_IS_KILLED = """
import os, signal, numpy as np
from performer.grouper import Grouper
grouper = Grouper()
grouper(np.eye(8), np.zeros(8, np.uint8), 2)
print(grouper._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def grouper() -> Iterator[Grouper]:
    made = Grouper()
    yield made
    made.close()


def strengths() -> tuple[Array, Labels]:
    """Of channels of three sorts, and how they were grouped before."""
    random = np.random.default_rng(4)
    truth = random.integers(0, 3, 40)
    patterns = random.random((3, 256))
    return patterns[truth] + 0.01 * random.random((40, 256)), ((truth + 1) % 3).astype(np.uint8)


def test_the_groups_are_ours_and_the_process_gives_way(grouper: Grouper) -> None:
    seen, former = strengths()
    found = grouper(seen, former, 3)
    assert np.array_equal(found, followed(seen, former, 3))
    assert np.array_equal(found, former)
    assert grouper._process is not None
    assert psutil.Process(grouper._process.pid).nice() >= min(os.nice(0) + 15, 19)


def test_what_cannot_be_grouped_is_said_and_the_next_one_is_grouped(grouper: Grouper) -> None:
    seen, former = strengths()
    with pytest.raises(RuntimeError, match="cannot reshape"):
        grouper(seen, former[:-1], 3)
    assert np.array_equal(grouper(seen, former, 3), former)


def test_a_process_that_died_comes_back(grouper: Grouper) -> None:
    seen, former = strengths()
    grouper(seen, former, 3)
    assert grouper._process is not None
    grouper._process.kill()
    grouper._process.wait()
    with pytest.raises(RuntimeError, match="died; it starts anew"):
        grouper(seen, former, 3)
    assert np.array_equal(grouper(seen, former, 3), former)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no process can be killed so here")
def test_the_process_ends_when_who_asks_it_is_killed() -> None:
    asker = [sys.executable, "-c", _ASKS_AND_IS_KILLED]
    pid = int(subprocess.run(asker, stdout=subprocess.PIPE, check=False).stdout)
    ends_at = time.monotonic() + 30
    while _runs(pid):
        assert time.monotonic() < ends_at, "it is still there"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
