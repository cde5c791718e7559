"""The files that start a show at login are what each system can read."""

import plistlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from performer import boot, cli

SCENE = Path('/srv/shows/50% "blue" & <red> $HOME.yaml')
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def test_the_systemd_unit_is_verified_by_systemd(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here")
    unit = tmp_path / "performer.service"
    unit.write_text(boot.unit("linux", SCENE))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(unit)],
        env={"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_systemd_unit_keeps_odd_names_as_they_are() -> None:
    unit = boot.unit("linux", SCENE)
    assert f'ExecStart="{sys.executable}" "-m" "performer" "run"' in unit
    assert r'"/srv/shows/50%% \"blue\" & <red> $$HOME.yaml"' in unit
    assert "WantedBy=graphical-session.target" in unit
    assert "WantedBy=default.target" in boot.unit("linux", SCENE, headless=True)


def test_the_launch_agent_is_a_property_list_that_runs_the_scene() -> None:
    agent = plistlib.loads(boot.unit("macos", SCENE, headless=True).encode())
    assert agent["Label"] == boot.LABEL
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    words = agent["ProgramArguments"]
    assert words[:4] == [sys.executable, "-m", "performer", "run"]
    assert str(SCENE) in words
    assert words[-1] == "--headless"


def test_the_windows_task_runs_the_scene_for_ever_at_usual_priority() -> None:
    task = ElementTree.fromstring(boot.unit("windows", SCENE))

    def text(name: str) -> str:
        return "".join(element.text or "" for element in task.iter(f"{TASK}{name}"))

    assert text("Command") == sys.executable
    assert subprocess.list2cmdline([str(SCENE)]) in text("Arguments")
    assert text("ExecutionTimeLimit") == "PT0S"
    assert text("Priority") == "4"
    assert text("Interval") == "PT1M"


@pytest.mark.parametrize("system", boot.SYSTEMS)
def test_boot_writes_the_file_of_a_system_and_says_so(
    system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "unit"
    assert cli.main(["boot", "first_light", "--system", system, "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"{out}: written;")
    assert "first_light.yaml" in out.read_text()


def test_boot_prints_the_file_of_this_system(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["boot", "first_light"]) == 0
    assert "first_light.yaml" in capsys.readouterr().out


def test_boot_of_a_scene_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["boot", "no_such_scene"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
