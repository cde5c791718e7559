"""The commands as a performer types them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cuda_ops.build import Builder
from performer import cli

SCENE = "performer: 1\nmodel: {untrained: 7, canvas: 64x64}\nsource: {kind: card}\n"


def performer(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "performer", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("bends: {a: {kind: rotate, layer: L99}}\n", ":4: bends.a.layer: no layer L99; there are"),
        ("bends: {a: {kind: rotate, layer: 3, channels: {range: [0, 999]}}}\n", ":4: bends.a.channels: there is no channel 999;"),
        ("outputs: {a: {kind: ndl}}\n", ":4: outputs.a.kind: there is no ndl; use ndi"),
    ],
)  # fmt: skip
def test_check_says_what_is_wrong_in_one_line_and_exits_2(
    tmp_path: Path, more: str, line: str
) -> None:
    file = tmp_path / "scene.yaml"
    file.write_text(SCENE + more)
    done = performer("check", str(file))
    assert done.returncode == 2
    assert done.stderr.startswith(f"{file}{line}")
    assert done.stderr.count("\n") == 1


def test_check_of_a_camera_that_is_not_there_names_the_source(tmp_path: Path) -> None:
    file = tmp_path / "scene.yaml"
    file.write_text(SCENE.replace("kind: card", "kind: camera, device: /dev/video99"))
    done = performer("check", str(file))
    assert done.returncode == 2
    assert done.stderr.startswith(f"{file}:3: source: ")
    assert "Traceback" not in done.stderr


def test_check_says_at_once_which_file_is_missing_and_what_else_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "scene.yaml"
    film = SCENE.replace("kind: card", "kind: video, file: gone.mp4")
    file.write_text(film + "bends: {a: {kind: rotate, layer: L99}}\n")
    done = performer("check", str(file), "--set", "model.canvas=32x32")
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert first.startswith(f"{file}:3: source.file: there is no file {tmp_path / 'gone.mp4'};")
    assert second.startswith(f"{file}:4: bends.a.layer: no layer L99;")


def test_check_of_a_good_scene_exits_0(tmp_path: Path) -> None:
    file = tmp_path / "scene.yaml"
    file.write_text(SCENE)
    done = performer("check", str(file))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    done = performer("picture", "first_light", "--out", str(tmp_path / "nowhere" / "a.png"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no folder" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_schema_is_json_and_may_be_cut_short() -> None:
    command = f"{sys.executable} -m performer schema"
    whole = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert "source" in json.loads(whole.stdout)["properties"]
    cut = subprocess.run(f"{command} | head -1", shell=True, capture_output=True, text=True)
    assert (cut.stdout, cut.stderr) == ("{\n", "")


def test_build_compiles_the_kernels_and_says_which_operators_play_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kernel.cpp").write_text('extern "C" int answer() { return 42; }\n')
    monkeypatch.delenv("PERFORMER_KERNELS", raising=False)
    monkeypatch.setattr("cuda_ops.build._BUILDER", Builder(tmp_path, tmp_path / "cache"))
    assert cli.main(["build"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["[1/2] compile kernel.o", "[2/2] link performer_cpu.so"]
    assert lines[2].startswith("operators: native: built for ")
    assert lines[3] == (
        "graphics card: none that torch can use, so there is nothing to compile for one"
    )
    assert cli.main(["build"]) == 0
    assert capsys.readouterr().out.splitlines() == lines[2:]


def test_build_without_a_compiler_is_one_line_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kernel.cpp").touch()
    for name in ("PERFORMER_KERNELS", "CXX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("cuda_ops.build._BUILDER", Builder(tmp_path, tmp_path / "cache"))
    assert cli.main(["build"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith("operators: no C++ compiler; ")


def test_doctor_has_a_line_for_every_source_output_and_controller() -> None:
    done = performer("doctor")
    assert done.returncode == 0
    for line in ("device:", "operators:", "source video: works", "output ndi:", "controller midi:"):
        assert f"\n{line}" in done.stdout


@pytest.mark.parametrize("arguments", [("run",), ("picture", "first_light"), ("nonsense",)])
def test_a_wrong_command_line_exits_2_without_a_traceback(arguments: tuple[str, ...]) -> None:
    done = performer(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
