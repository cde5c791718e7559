"""What a performer can send when something went wrong: one file, without secrets."""

import importlib.metadata
import platform
import re
import sys
import time
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path

from performer import __version__, doctor, logs, privacy, reading
from performer.errors import PerformerError

_MOST_LINES = 20_000
_MOST_CRASHES = 10
_NAME = re.compile(r"[\w.-]+")  # of a package, at the start of what somebody requires


def write(out: Path | None, scene: str | None) -> Path:
    """Write the report, by default into the folder where we are; where it is.

    Errors: PerformerError when the scene is not there or the file cannot be written.
    """
    out = out or Path(f"performer-report-{time.strftime('%Y%m%d-%H%M%S')}.zip")
    contents = dict(_contents(reading.find(scene) if scene else None))
    try:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as report:
            for name, text in contents.items():
                report.writestr(name, privacy.redacted(text, [Path.home()]))
    except OSError as error:
        raise PerformerError(f"{out}: cannot be written ({error.strerror})") from error
    return out


def _contents(scene: Path | None) -> Iterator[tuple[str, str]]:
    """Name and text of each file in the report."""
    yield "versions.txt", "\n".join(_versions())
    yield "doctor.txt", _doctor()
    yield "log.txt", logs.merged(_MOST_LINES)
    for crash in logs.newest(logs.CRASHES)[:_MOST_CRASHES]:
        yield f"crashes/{crash.name}", _read(crash)
    if scene is not None:
        yield "scene.yaml", _read(scene)


def _versions() -> Iterator[str]:
    yield f"performer {__version__}"
    yield f"Python {sys.version}"
    yield platform.platform()
    for required in importlib.metadata.requires("performer") or ():
        if (name := _NAME.match(required)) is not None:
            yield f"{name[0]} {_version(name[0])}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "is not installed"


def _doctor() -> str:
    """What the doctor says; that it cannot say anything may be the very thing to report."""
    try:
        return "\n".join(doctor.lines())
    except Exception:
        return traceback.format_exc()


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")
