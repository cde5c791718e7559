"""A part that fails inside the frame rests, says why, and the picture goes on without it."""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
import torch

from cuda_ops.cuda.recording import UncapturableError, recording
from model.bends.placed import REST_FRAMES
from model.latent.loop import Loop as LoopLatent
from model.latent.walk import Walk
from performer import offline, reading
from performer.loop import Loop
from performer.offline import LastFrame
from performer.parameters import Snapshot
from performer.rests import Rests

GRADE = {"grade": {"kind": "levels", "gain": 0.5}}
BLUR = {"kind": "blur", "sigma": 6}


@contextlib.contextmanager
def playing(**parts: Any) -> Iterator[tuple[Loop, LastFrame]]:
    scene = {
        "performer": 1,
        "model": {"untrained": 7, "canvas": "32x32"},
        "source": {"kind": "card"},
        **parts,
    }
    with offline.rehearsal(reading.from_json(json.dumps(scene))) as (loop, frames):
        yield loop, frames


def shown(loop: Loop, frames: LastFrame) -> torch.Tensor:
    loop.frame()
    assert frames.picture is not None
    return frames.picture.clone()


def pass_over(loop: Loop, count: int) -> None:
    for _ in range(count):
        loop.pass_over()


class Failing:
    """Stands in for what a part does: counts how often it is asked, and fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    def __call__(self, *_: object) -> NoReturn:
        self.asked += 1
        raise self.error


def _post(loop: Loop) -> tuple[Any, str]:
    return loop.post.posts["grade"], "apply"


def _neutral(loop: Loop) -> tuple[Any, str]:
    return loop.post.posts["grade"], "neutral"


def _condition(loop: Loop) -> tuple[Any, str]:
    return loop.condition.part, "apply"


Place = Callable[[Loop], tuple[Any, str]]
CASES = [
    (_post, {"post": GRADE}, {}, "post grade"),
    (_neutral, {"post": GRADE}, {}, "post grade"),
    (_condition, {"condition": BLUR}, {"condition": {"kind": "plain"}}, "condition blur"),
]


@pytest.mark.parametrize(("place", "parts", "without", "name"), CASES)
def test_a_part_that_fails_is_left_out_and_asked_again_later(
    place: Place,
    parts: dict[str, Any],
    without: dict[str, Any],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with playing(**parts) as played, playing(**without) as free, playing(**parts) as whole:
        loops = [each for each, _ in (played, free, whole)]
        failing = Failing(ValueError("no\nsuch colour"))
        monkeypatch.setattr(*place(played[0]), failing)
        for _ in range(2):
            for _ in range(2):
                assert torch.equal(shown(*played), shown(*free))
                whole[0].pass_over()
            for loop in loops:
                pass_over(loop, REST_FRAMES - 2)
        assert failing.asked == 2
        monkeypatch.undo()
        assert torch.equal(shown(*played), shown(*whole))
    assert capsys.readouterr().err == f"{name} rests: no such colour\n"


def snapshot(loop: Loop) -> Snapshot:
    return loop.parameters.advance(loop.clock.tick(), [])


@pytest.mark.parametrize(
    ("part", "name"), [(Walk, "latent walk"), (LoopLatent, "style loop")], ids=["latent", "style"]
)
def test_a_latent_that_fails_stays_where_it_was(
    part: type, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = {"seeds": [1, 2], "speed": 1 if part is Walk else 0}
    style = {"kind": "loop", "seeds": [3, 4], "speed": 0 if part is Walk else 1}
    latent = {**walk, "style": style, "style_from": 4, "style_to": 32}
    with playing(latent=latent) as (loop, _), playing(latent=latent) as (other, _):
        first = loop.latent(snapshot(loop))
        failing = Failing(KeyError())
        monkeypatch.setattr(part, "w", failing)
        for _ in range(REST_FRAMES):
            assert torch.equal(loop.latent(snapshot(loop)), first)
        assert failing.asked == 1
        monkeypatch.undo()
        for _ in range(REST_FRAMES + 1):
            other.latent.walk(snapshot(other))
        there = other.latent(snapshot(other))
        assert torch.equal(loop.latent(snapshot(loop)), there)
        assert not torch.equal(there, first)
    assert capsys.readouterr().err == f"{name} rests: KeyError\n"


def test_a_latent_that_never_worked_is_in_the_middle_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with playing() as (loop, _):
        monkeypatch.setattr(Walk, "w", Failing(ValueError("no file")))
        w, space = loop.latent(snapshot(loop)), loop.latent._space
    assert torch.equal(w, space.average.expand_as(w))


@pytest.mark.parametrize(("place", "parts", "without", "name"), CASES)
def test_what_finds_no_memory_is_no_fault_of_a_part(
    place: Place,
    parts: dict[str, Any],
    without: dict[str, Any],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with playing(**parts) as (loop, _):
        monkeypatch.setattr(*place(loop), Failing(MemoryError()))
        with pytest.raises(MemoryError):
            loop.frame()


def test_nothing_rests_where_a_graph_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    rests = Rests("post")
    with recording(), pytest.raises(UncapturableError, match="post glow: ValueError: no colour"):
        rests.begin("glow", 5, ValueError("no colour"))
    assert not rests.of("glow", 5)
    rests.begin("glow", 5, ValueError("no colour"))
    with recording():
        assert not rests.of("glow", 5)
    assert rests.of("glow", 5)
    assert not rests.of("glow", 5 + REST_FRAMES)
    assert capsys.readouterr().err == "post glow rests: no colour\n"
