"""Where built kernels are kept, and how they get there whole."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cuda_ops.recipe import LIBRARY, Recipe
from cuda_ops.toolchain import BuildError, find_ninja

_LOG = "build.log"
_UNFINISHED = ".unfinished-"
_ABANDONED_SECONDS = 3600.0  # whoever made an unfinished folder so long ago was killed
_KEY = re.compile(r"[0-9a-f]{20}")
_MOST_KEPT = 8  # other machines and other versions may share the folder
_KINDLY = ("nice", "-n", "10")  # beside a picture that takes all cores, about a tenth of one each
_ENVIRONMENT = {"LC_ALL": "C"}  # so that an error is called an error

Tell = Callable[[str], None]


class Cache:
    """One library for each recipe, in a folder of its own below ``folder``.

    A library is made aside and moved to its place whole, so that nobody ever loads half of one,
    whoever is killed and however many processes build at the same time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ninja: subprocess.Popen[str] | None = None
        self._stopped = False

    def file(self, recipe: Recipe) -> Path:
        """Where the library is, once it is there."""
        return self._folder / recipe.key / LIBRARY

    def load(self, recipe: Recipe) -> ctypes.CDLL:
        """The library. One that does not load is deleted. Errors: BuildError if there is none."""
        file = self.file(recipe)
        if not file.exists():
            raise self._absence(recipe)
        try:
            library = ctypes.CDLL(str(file))
        except OSError as error:
            file.unlink(missing_ok=True)
            why = " ".join(str(error).split())
            line = f"failed: what was built does not load, and is deleted ({why}); performer build"
            raise BuildError(line) from error
        with contextlib.suppress(OSError):  # where others build for us, we may not write
            os.utime(file.parent)  # so that it counts as used
        return library

    def make(self, recipe: Recipe, tell: Tell, *, kindly: bool) -> None:
        """Compile the library, ``kindly`` to whoever else needs the processor.

        ``tell`` is given each line that ninja and the compiler print. Errors: BuildError; what was
        printed is then kept in a log.
        """
        nice = _KINDLY if kindly and shutil.which(_KINDLY[0]) else ()
        command = [*nice, find_ninja()]
        log = self._log(recipe)
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            os.utime(log.parent)  # a failure may be older than all that is kept
            self._sweep()
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=_UNFINISHED) as name:
                place = Path(name)
                recipe.lay_out(place)
                made = self._run(command, place, tell)
                os.replace(place / (LIBRARY if made else _LOG), self.file(recipe) if made else log)
            if made:
                log.unlink(missing_ok=True)
        except OSError as error:
            where = error.filename or self._folder
            line = f"failed: {where}: {error.strerror}; make room there, or make it yours"
            raise BuildError(line) from error
        if not made:
            raise _failure(log)

    def stop(self) -> None:
        """End a compilation that nobody waits for any more."""
        self._stopped = True
        if self._ninja is not None:
            self._ninja.terminate()

    def _log(self, recipe: Recipe) -> Path:
        return self.file(recipe).with_name(_LOG)

    def _absence(self, recipe: Recipe) -> BuildError:
        """Why there is no library, as far as that can be known without trying."""
        if self._log(recipe).exists():
            return _failure(self._log(recipe))
        find_ninja()
        return BuildError("not built yet; performer build")

    def _run(self, command: list[str], place: Path, tell: Tell) -> bool:
        """Whether ninja made the library in ``place``; its words are in the log there."""
        with (
            (place / _LOG).open("w", encoding="utf-8") as log,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                cwd=place,
                env={**os.environ, **_ENVIRONMENT},
            ) as ninja,
        ):
            self._ninja = ninja
            for line in ninja.stdout or ():
                log.write(line)
                tell(line.rstrip())
        self._ninja = None
        if self._stopped:
            raise BuildError("not built yet; performer build")
        return ninja.returncode == 0

    def _sweep(self) -> None:
        """Take away what was left unfinished long ago, and all but the libraries used last."""
        self._sweep_unfinished()
        with_ages = [(_used(place), place) for place in self._folder.iterdir()]
        former = [place for _, place in sorted(with_ages) if _KEY.fullmatch(place.name)]
        for place in former[:-_MOST_KEPT]:
            # Whoever has loaded one keeps it: on Linux a file lives on without its name. Windows
            # refuses to remove it then, which is an error of nobody's.
            shutil.rmtree(place, ignore_errors=True)

    def _sweep_unfinished(self) -> None:
        for place in self._folder.glob(f"{_UNFINISHED}*"):
            with contextlib.suppress(FileNotFoundError):  # whoever made it has just ended
                if time.time() - place.stat().st_mtime > _ABANDONED_SECONDS:
                    shutil.rmtree(place, ignore_errors=True)


def _used(place: Path) -> float:
    """When a folder was last used; 0 where somebody else has just taken it away."""
    try:
        return place.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _failure(log: Path) -> BuildError:
    """The first error in a log, and where the others are."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    what = next((line for line in lines if "error" in line.lower()), "the compiler gave up")
    return BuildError(f"failed: {what}; see {log}")
