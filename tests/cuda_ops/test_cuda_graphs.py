"""Which work is played as a graph, and when it is captured: against graphs that are no CUDA."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch

from cuda_ops.cuda.graphs import PATIENCE_FRAMES, Graphs, Inputs


class _Graph:
    def __init__(self, api: "_Api", work: Callable[[], Any]) -> None:
        self._api = api
        self._work = work
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
def graphs(api: _Api, said: list[str]) -> Graphs[str, str]:
    return Graphs(api, said.append, most=3)


def _work(name: str, log: list[str] | None = None) -> Callable[[], str]:
    def run() -> str:
        if log is not None:
            log.append(f"eager {name}")
        return name

    return run


def _frame(graphs: Graphs[str, str], wanted: str) -> str:
    """One frame as the loop plays it."""
    shown = graphs.choose(wanted, _work(wanted))
    picture = graphs.play(shown, _work(shown))
    graphs.between_frames()
    return picture


def test_a_structure_is_painted_eagerly_then_warmed_then_captured_then_replayed(
    graphs: Graphs[str, str], api: _Api
) -> None:
    assert graphs.state("plain") == "missing"
    assert _frame(graphs, "plain") == "plain"
    assert (graphs.state("plain"), api.log) == ("capturing", ["warm plain"])
    assert _frame(graphs, "plain") == "plain"
    assert (graphs.state("plain"), api.log[1:]) == ("captured", ["capture plain"])
    assert _frame(graphs, "plain") == "plain"
    assert api.log[2:] == ["replay plain"]
    assert not graphs.between_frames()


def test_a_bend_that_is_dragged_in_is_captured_before_it_is_seen(
    graphs: Graphs[str, str], api: _Api
) -> None:
    for _ in range(3):
        _frame(graphs, "plain")
    del api.log[:]
    shown = [_frame(graphs, "bent") for _ in range(4)]
    assert shown == ["plain", "plain", "bent", "bent"]
    assert [line for line in api.log if "bent" in line] == [
        "warm bent",
        "capture bent",
        "replay bent",
        "replay bent",
    ]
    # Not one frame was painted without a graph.
    assert sum(line.startswith("replay") for line in api.log) == 4


def test_the_first_structure_of_all_is_seen_at_once(graphs: Graphs[str, str]) -> None:
    assert _frame(graphs, "plain") == "plain"
    assert _frame(graphs, "bent") == "bent"  # nothing is captured that could be shown instead


def test_a_structure_that_was_prepared_is_replayed_at_once(
    graphs: Graphs[str, str], api: _Api
) -> None:
    for _ in range(3):
        _frame(graphs, "plain")
    graphs.prepare("bent", _work("bent"))
    for _ in range(2):
        _frame(graphs, "plain")
    assert graphs.state("bent") == "captured"
    assert _frame(graphs, "bent") == "bent"
    assert api.log[-1] == "replay bent"


def test_what_does_not_get_ready_is_seen_eagerly_after_a_while(
    graphs: Graphs[str, str], api: _Api
) -> None:
    for _ in range(3):
        _frame(graphs, "plain")
    with graphs.turn:  # somebody calls CUDA all the time
        shown = [_frame(graphs, "bent") for _ in range(PATIENCE_FRAMES + 1)]
    assert shown == ["plain"] * PATIENCE_FRAMES + ["bent"]
    assert graphs.state("bent") == "capturing"


def test_nothing_is_captured_while_somebody_else_calls_cuda(
    graphs: Graphs[str, str], api: _Api
) -> None:
    entered, leave = threading.Event(), threading.Event()

    def load_a_network() -> None:
        with graphs.turn:
            entered.set()
            leave.wait(10)

    other = threading.Thread(target=load_a_network)
    other.start()
    entered.wait(10)
    for _ in range(3):
        assert _frame(graphs, "plain") == "plain"
    assert api.log == []
    leave.set()
    other.join()
    for _ in range(2):
        _frame(graphs, "plain")
    assert api.log == ["warm plain", "capture plain"]


def test_while_it_captures_others_have_to_wait(graphs: Graphs[str, str]) -> None:
    held = []
    graphs.prepare("plain", lambda: held.append(graphs.turn.locked()) or "plain")
    graphs.between_frames()
    graphs.between_frames()
    assert held == [True, True]
    assert not graphs.turn.locked()


def test_what_cannot_be_captured_is_played_eagerly_and_said_once(
    graphs: Graphs[str, str], api: _Api, said: list[str]
) -> None:
    api.fails = RuntimeError("operation not permitted\nwhen stream is capturing")
    for _ in range(4):
        assert _frame(graphs, "plain") == "plain"
    assert graphs.state("plain") == "failed"
    for _ in range(4):
        assert _frame(graphs, "bent") == "bent"
    assert said == [
        "played without a CUDA graph, a little slower "
        "(RuntimeError: operation not permitted when stream is capturing)"
    ]
    assert not graphs.turn.locked()


def test_graphs_that_were_played_longest_ago_go_first_and_never_the_one_that_plays(
    graphs: Graphs[str, str], api: _Api
) -> None:
    for name in "abc":
        for _ in range(4):
            _frame(graphs, name)
    for _ in range(4):
        _frame(graphs, "a")
    for _ in range(4):
        _frame(graphs, "d")
    assert "release b" in api.log
    states = {name: graphs.state(name) for name in "abcd"}
    assert states == {"a": "captured", "b": "missing", "c": "captured", "d": "captured"}


def test_a_knob_that_sweeps_over_structures_leaves_them_behind(
    graphs: Graphs[str, str], api: _Api
) -> None:
    for name in "abcdef":
        graphs.choose(name, _work(name))
    while graphs.between_frames():
        pass
    assert api.log == ["warm f", "capture f"]


def test_other_weights_are_other_graphs(graphs: Graphs[str, str], api: _Api) -> None:
    for _ in range(3):
        _frame(graphs, "plain")
    graphs.forget()
    assert api.log[-1] == "release plain"
    assert graphs.state("plain") == "missing"


def test_inputs_stay_where_they_are() -> None:
    inputs = Inputs()
    first = inputs.take("w", torch.tensor([1.0, 2.0]))
    where = first.data_ptr()
    second = inputs.take("w", torch.tensor([3.0, 4.0]))
    assert second is first
    assert (second.data_ptr(), second.tolist()) == (where, [3, 4])
    other = inputs.take("w", torch.tensor([[5.0]]))  # of another size: another structure
    assert other is not first
    assert first.tolist() == [3, 4]


def test_inputs_are_not_the_tensors_that_were_given() -> None:
    given = torch.tensor([1.0])
    held = Inputs().take("w", given)
    given.fill_(9)
    assert held.tolist() == [1]
