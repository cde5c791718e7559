"""Screen and machine stay awake during a show, or one line says that they do not."""

import pytest

from performer.awake import kept_awake


def test_a_desktop_that_keeps_awake_is_not_worth_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WAKEPY_FAKE_SUCCESS", "yes")
    with kept_awake():
        pass
    assert capsys.readouterr() == ("", "")


def test_a_machine_that_cannot_be_kept_awake_plays_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WAKEPY_FORCE_FAILURE", "yes")
    played = []
    with kept_awake():
        played.append("a show")
    assert played
    told = capsys.readouterr()
    assert told.out.startswith("screen: it may go dark")
    assert told.out.count("\n") == 1
    assert told.err == ""
