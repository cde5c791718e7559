"""Which work is played as a graph, and when it is captured: against graphs that are no CUDA."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from cuda_ops.cuda import recording
from cuda_ops.cuda.graphs import PATIENCE_FRAMES, STEADY_FRAMES, Graphs
from cuda_ops.cuda.recording import UncapturableError
from tests.cuda_ops.hand_cranked import HandCranked


@dataclass(frozen=True)
class _Work:
    """Work that paints its own name."""

    structure: str
    run: Callable[[], object] = field(default=lambda: None, compare=False)

    def __call__(self) -> str:
        self.run()
        return self.structure


class _Graph:
    def __init__(self, api: "_Api", work: Callable[[], Any]) -> None:
        self._api = api
        self.result = work()
        self.released = False

    def replay(self) -> None:
        assert not self.released, "a graph that was let go is not played"
        self._api.log.append(f"replay {self.result}")

    def release(self) -> None:
        self.released = True
        self._api.log.append(f"release {self.result}")


class _Api:
    """Writes down what it is asked for."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.fails: Exception | None = None

    def warm_up(self, work: Callable[[], object]) -> None:
        self.log.append(f"warm {work()}")

    def capture(self, work: Callable[[], Any]) -> _Graph:
        if self.fails is not None:
            raise self.fails
        graph = _Graph(self, work)
        self.log.append(f"capture {graph.result}")
        return graph


@pytest.fixture
def api() -> _Api:
    return _Api()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def beside() -> HandCranked:
    return HandCranked()


@pytest.fixture
def graphs(api: _Api, said: list[str], beside: HandCranked) -> Graphs[str]:
    return Graphs(api, said.append, beside, most=3)


def _frame(graphs: Graphs[str], wanted: str) -> str:
    """One frame as the loop plays it."""
    return graphs.play(graphs.choose(_Work(wanted)))


def _play(graphs: Graphs[str], beside: HandCranked, wanted: str, frames: int) -> list[str]:
    """Frames, between which there is time for what runs beside them."""
    shown = []
    for _ in range(frames):
        shown.append(_frame(graphs, wanted))
        beside.turn()
    return shown


def test_a_structure_is_painted_eagerly_until_its_graph_is_there(
    graphs: Graphs[str], api: _Api, beside: HandCranked
) -> None:
    assert graphs.state("plain") == "missing"
    for _ in range(5):
        assert _frame(graphs, "plain") == "plain"
    assert (graphs.state("plain"), api.log) == ("capturing", [])
    assert beside.turn() == 1
    assert api.log == ["warm plain", "capture plain"]
    for _ in range(3):
        assert _frame(graphs, "plain") == "plain"
    assert graphs.state("plain") == "captured"
    assert api.log[2:] == ["replay plain"] * 3
    assert beside.turn() == 0
    assert (graphs.eager, graphs.replays) == (5, 3)


def test_a_structure_is_captured_once(graphs: Graphs[str], api: _Api, beside: HandCranked) -> None:
    for wanted in ("plain", "bent", "plain", "bent"):
        _play(graphs, beside, wanted, 5)
    assert [line for line in api.log if "capture" in line] == ["capture plain", "capture bent"]


def test_a_bend_that_is_dragged_in_is_captured_before_it_is_seen(
    graphs: Graphs[str], api: _Api, beside: HandCranked
) -> None:
    _play(graphs, beside, "plain", 4)
    del api.log[:]
    shown = _play(graphs, beside, "bent", 6)
    assert shown == ["plain"] * 2 + ["bent"] * 4
    # Every frame had its picture, and not one was painted without a graph.
    assert sum(line.startswith("replay") for line in api.log) == len(shown)


def test_the_first_structure_of_all_is_seen_at_once(graphs: Graphs[str]) -> None:
    assert _frame(graphs, "plain") == "plain"
    assert _frame(graphs, "bent") == "bent"  # nothing is captured that could be shown instead


def test_a_structure_that_was_prepared_is_replayed_at_once(api: _Api, said: list[str]) -> None:
    graphs = Graphs[str](api, said.append, HandCranked(waits=False))
    graphs.prepare(_Work("bent"))
    assert graphs.state("bent") == "captured"
    assert _frame(graphs, "bent") == "bent"
    assert api.log[-1] == "replay bent"


def test_what_somebody_waits_for_need_not_be_steady(api: _Api, said: list[str]) -> None:
    graphs = Graphs[str](api, said.append, HandCranked(waits=False))
    assert _frame(graphs, "plain") == "plain"
    assert graphs.prepare(_Work("plain"))
    assert _frame(graphs, "plain") == "plain"
    assert api.log == ["warm plain", "capture plain", "replay plain"]


def test_nobody_waits_for_longer_than_he_said(graphs: Graphs[str], beside: HandCranked) -> None:
    assert not graphs.prepare(_Work("plain"), seconds=0.01)
    beside.turn()
    assert graphs.prepare(_Work("plain"), seconds=0.01)


def test_what_is_fastest_is_searched_only_while_the_first_frame_waits(
    api: _Api, said: list[str]
) -> None:
    told: list[bool] = []
    run = lambda: told.append(recording.may_search())  # noqa: E731
    slow, quick = HandCranked(), HandCranked(waits=False)
    late, early = (Graphs[str](api, said.append, beside) for beside in (slow, quick))
    assert early.prepare(_Work("first", run), seconds=5.0)
    assert early.prepare(_Work("beside", run))
    assert not late.prepare(_Work("too slow", run), seconds=0.01)
    slow.turn()
    assert told == [True, False, False, False, False, False]


def test_what_does_not_get_ready_is_seen_eagerly_after_a_while(
    graphs: Graphs[str], beside: HandCranked
) -> None:
    _play(graphs, beside, "plain", 4)
    shown = [_frame(graphs, "bent") for _ in range(PATIENCE_FRAMES + 1)]
    assert shown == ["plain"] * PATIENCE_FRAMES + ["bent"]
    assert graphs.state("bent") == "capturing"


def test_what_changes_with_every_frame_is_never_captured_and_seen_after_a_while(
    graphs: Graphs[str], api: _Api, beside: HandCranked
) -> None:
    _play(graphs, beside, "plain", 4)
    names = [str(number) for number in range(PATIENCE_FRAMES + 10)]
    shown = [_play(graphs, beside, name, 1)[0] for name in names]
    assert shown == ["plain"] * PATIENCE_FRAMES + names[PATIENCE_FRAMES:]
    assert sum(line.startswith("capture") for line in api.log) == 1
    _play(graphs, beside, "29", STEADY_FRAMES + 1)  # and when it rests it is
    assert api.log[-1] == "replay 29"


def test_frames_go_on_while_another_thread_captures(said: list[str]) -> None:
    began, leave = threading.Event(), threading.Event()

    class Slow(_Api):
        def capture(self, work: Callable[[], Any]) -> _Graph:
            began.set()
            assert leave.wait(10)
            return super().capture(work)

    api = Slow()
    with ThreadPoolExecutor(1) as beside:
        graphs = Graphs[str](api, said.append, beside)
        while not began.is_set():
            assert _frame(graphs, "plain") == "plain"
        for _ in range(50):
            assert _frame(graphs, "plain") == "plain"
        leave.set()
        while graphs.replays == 0:
            assert _frame(graphs, "plain") == "plain"
    assert api.log == ["warm plain", "capture plain", "replay plain"]


def test_nothing_is_captured_while_somebody_else_holds_the_turn(api: _Api, said: list[str]) -> None:
    turn = threading.Lock()
    with ThreadPoolExecutor(1) as beside:
        graphs = Graphs[str](api, said.append, beside, turn)
        with turn:  # a network is loaded
            for _ in range(20):
                assert _frame(graphs, "plain") == "plain"
            assert api.log == []
        while graphs.replays == 0:
            assert _frame(graphs, "plain") == "plain"
    assert not turn.locked()


def test_work_is_told_whether_it_is_rehearsed_or_recorded_and_what_it_holds_stays(
    graphs: Graphs[str], beside: HandCranked
) -> None:
    told, kept = [], object()

    def run() -> None:
        told.append((recording.is_rehearsing(), recording.is_recording()))
        assert recording.hold(kept) is kept

    for _ in range(4):
        graphs.play(graphs.choose(_Work("plain", run)))
        beside.turn()
    assert told == [*[(False, False)] * 2, (True, False), (False, True)]
    assert graphs._captured["plain"].held == [kept]


def test_what_the_host_does_for_a_graph_is_done_before_each_replay(
    graphs: Graphs[str], api: _Api, beside: HandCranked
) -> None:
    def run() -> None:
        if recording.is_recording():
            recording.before_replays(lambda: api.log.append("before"))

    for _ in range(5):
        graphs.play(graphs.choose(_Work("plain", run)))
        beside.turn()
    assert api.log[-4:] == ["before", "replay plain"] * 2


def test_what_cannot_be_captured_is_played_eagerly_and_each_reason_said_once(
    graphs: Graphs[str], api: _Api, beside: HandCranked, said: list[str]
) -> None:
    api.fails = RuntimeError("operation not permitted\nwhen stream is capturing")
    assert _play(graphs, beside, "plain", 6) == ["plain"] * 6
    assert graphs.state("plain") == "failed"
    assert _play(graphs, beside, "bent", 6) == ["bent"] * 6
    api.fails = UncapturableError("bend twist: asks the host")
    assert _play(graphs, beside, "twisted", 6) == ["twisted"] * 6
    assert said == [
        "played without a CUDA graph, a little slower "
        "(RuntimeError: operation not permitted when stream is capturing)",
        "played without a CUDA graph, a little slower (bend twist: asks the host)",
    ]
    assert graphs.replays == 0


def test_graphs_that_were_played_longest_ago_go_first_and_never_the_one_that_plays(
    graphs: Graphs[str], api: _Api, beside: HandCranked
) -> None:
    for name in "abcad":
        _play(graphs, beside, name, 5)
    assert "release b" in api.log
    states = {name: graphs.state(name) for name in "abcd"}
    assert states == {"a": "captured", "b": "missing", "c": "captured", "d": "captured"}


def test_a_knob_that_sweeps_over_structures_leaves_them_behind(
    graphs: Graphs[str], api: _Api, beside: HandCranked
) -> None:
    for name in "abcdeff":
        graphs.choose(_Work(name))
    graphs.choose(_Work("f"))
    beside.turn()
    assert api.log == ["warm f", "capture f"]


def test_other_weights_are_other_graphs(
    graphs: Graphs[str], api: _Api, beside: HandCranked
) -> None:
    _play(graphs, beside, "plain", 4)
    for _ in range(3):
        _frame(graphs, "bent")  # is being captured
    graphs.forget()
    assert api.log[-1] == "release plain"
    assert graphs.state("plain") == graphs.state("bent") == "missing"
    beside.turn()
    assert api.log[-1] == "release bent"  # nobody wants it any more
