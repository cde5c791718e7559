"""Long work says how far it is where no terminal shows a bar."""

import time

import pytest

from performer import progress


def test_a_line_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for _ in progress.progress(range(10), "steps"):
        now[0] += 15
    assert capsys.readouterr().err.splitlines() == [
        f"steps: {done} of 10, about {left} left"
        for done, left in ((2, "2 min"), (4, "90 s"), (6, "60 s"), (8, "30 s"))
    ]


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert [*progress.progress(iter("abc"), "letters", 3)] == ["a", "b", "c"]
    assert not [*progress.progress(iter(""), "letters", 0)]
    assert not capsys.readouterr().err


def test_time_is_told_in_one_unit() -> None:
    assert [progress.told_seconds(each) for each in (8.2, 400, 27_000)] == ["8 s", "7 min", "7.5 h"]
