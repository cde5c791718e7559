"""From switching the machine on to the show: what each system wants to be told, as a file.

The files beside this one are what a performer would write by hand, with places for the scene.
"""

import getpass
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Literal
from xml.sax.saxutils import escape

System = Literal["linux", "macos", "windows"]
SYSTEMS: tuple[System, ...] = ("linux", "macos", "windows")
LABEL = "org.performer.show"
FILES = {"linux": "performer.service", "macos": f"{LABEL}.plist", "windows": "performer.xml"}
_TEMPLATES = {**FILES, "macos": "performer.plist"}


def this_system() -> System:
    """The system that we are on; Linux stands for all that have systemd."""
    return {"darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")  # type: ignore[return-value]


def unit(system: System, scene: Path, *, headless: bool = False) -> str:
    """The text of the file that starts ``scene`` (a whole path) at login on ``system``."""
    command = [sys.executable, "-m", "performer", "run", "--resume", str(scene)]
    command += ["--headless"] * headless
    values = {"linux": _systemd, "macos": _launchd, "windows": _task}[system](command)
    template = Template((files(__name__) / _TEMPLATES[system]).read_text(encoding="utf-8"))
    name = scene.stem.replace("%", "%%") if system == "linux" else escape(scene.stem)
    target = "default.target" if headless else "graphical-session.target"
    return template.substitute({"name": name, "target": target, "user": _user(), **values})


def _systemd(command: list[str]) -> dict[str, str]:
    return {"command": " ".join(map(_systemd_word, command))}


def _systemd_word(word: str) -> str:
    """As systemd.syntax(7) and systemd.service(5) ask: quoted, without specifiers or variables."""
    for mark, instead in {"\\": "\\\\", '"': '\\"', "%": "%%", "$": "$$"}.items():
        word = word.replace(mark, instead)
    return f'"{word}"'


def _launchd(command: list[str]) -> dict[str, str]:
    words = (f"    <string>{escape(word)}</string>" for word in command)
    return {"arguments": "\n".join(words), "label": LABEL}


def _task(command: list[str]) -> dict[str, str]:
    program, *arguments = command
    return {
        "program": escape(program),
        "arguments": escape(subprocess.list2cmdline(arguments)),  # as Windows takes words apart
    }


def _user() -> str:
    return escape(getpass.getuser())
