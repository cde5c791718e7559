"""A crash report can be sent: it says what happened, and nothing that is nobody's business."""

import zipfile
from pathlib import Path

import pytest

from performer import cli, crash_report, logs
from performer.privacy import redacted

HOME = Path("/srv/people/ada")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://192.168.0.7:8400/?token=aB-c_1&x=2", "https://192.168.0.7:8400/?token=…&x=2"),
        ("write to ada.l+stage@example.co.uk!", "write to …!"),
        ("rtsp://ada:secret@camera.local/1", "rtsp://…@camera.local/1"),
        ("in /srv/people/ada/scenes/a.yaml:3", "in ~/scenes/a.yaml:3"),
        ("/srv/people/adalbert stays", "/srv/people/adalbert stays"),
        ("/home/grace/x and /Users/grace/y", "~/x and ~/y"),
        (r"C:\Users\Grace Hopper\x", r"~\x"),
        ("bends.twist.angle: 90 @ 30 fps", "bends.twist.angle: 90 @ 30 fps"),
    ],
)
def test_secrets_are_left_out_and_the_rest_stays(text: str, expected: str) -> None:
    assert redacted(text, [HOME]) == expected


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    kept = tmp_path / "log"
    kept.mkdir()
    (kept / "a-render-1.log").write_text("2026-01-01 20:00:01.000 render INFO plays ?token=abc\n")
    (kept / "a-render-1.txt").write_text(f"Traceback in {Path.home()}/x.py")
    monkeypatch.setattr(logs, "folder", lambda: kept)
    monkeypatch.setattr(crash_report.doctor, "lines", lambda: iter(["device: the processor"]))
    return tmp_path


def texts(report: Path) -> dict[str, str]:
    with zipfile.ZipFile(report) as file:
        return {name: file.read(name).decode() for name in file.namelist()}


def test_a_report_holds_versions_the_doctor_the_log_crashes_and_the_scene(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, scene = folder / "report.zip", folder / "mine.yaml"
    scene.write_text("performer: 1\n# by ada@example.org, not even complete: [\n")
    assert cli.main(["report", str(scene), "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"{out}: written;")
    found = texts(out)
    assert "performer 0" in found["versions.txt"]
    assert "torch 2" in found["versions.txt"]
    assert found["doctor.txt"] == "device: the processor"
    assert found["log.txt"].endswith("plays ?token=…\n")
    assert found["crashes/a-render-1.txt"] == "Traceback in ~/x.py"
    assert "# by …, not even complete" in found["scene.yaml"]


def test_a_report_comes_even_when_the_doctor_breaks(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("no driver")

    monkeypatch.setattr(crash_report.doctor, "lines", broken)
    found = texts(crash_report.write(folder / "report.zip", None))
    assert "RuntimeError: no driver" in found["doctor.txt"]


def test_a_report_that_cannot_be_written_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", "--out", str(folder / "no" / "report.zip")]) == 2
    assert "cannot be written" in capsys.readouterr().err
