"""Builds and loads the native kernels of this installation.

Their sources use raw pointers and no torch headers, so that ctypes can call them and a compiler
needs seconds. ``PERFORMER_KERNELS=off`` does without them.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import threading
import time
from pathlib import Path
from typing import NamedTuple

import platformdirs

from cuda_ops.cache import Cache, Tell
from cuda_ops.recipe import Recipe
from cuda_ops.toolchain import BuildError

__all__ = [
    "BuildError",
    "Builder",
    "Found",
    "build",
    "is_compiling",
    "library",
    "now",
    "start",
    "state",
]

_STOP_SECONDS = 1.0


def _tell_nobody(line: str) -> None:
    pass


class Found(NamedTuple):
    """The kernels or None, and the line that says what there is, or why there is nothing.

    ``seconds``: for how long they have been compiled so far; None when they are not.
    """

    library: ctypes.CDLL | None
    line: str
    seconds: float | None = None


class Builder:
    """The kernels whose sources are in one folder, kept below ``cache``, for this process.

    May be used from any thread.
    """

    def __init__(self, sources: Path, cache: Path) -> None:
        self._sources = sources
        self._cache = Cache(cache)
        self._looking = threading.Lock()
        self._building = threading.Lock()
        self._compiling_since: float | None = None
        self._background: threading.Thread | None = None
        self._recipe: Recipe | None = None
        self._found: Found | None = None  # until somebody asks

    def now(self) -> Found:
        """What there is, and its line. Compiles nothing and waits for nobody.

        The first call looks for what is kept (milliseconds), any other reads attributes.
        """
        since = self._compiling_since  # before what was found, which is there when this ends
        found = self._found or self._look()
        if found.library is None and since is not None:
            seconds = time.monotonic() - since
            return Found(None, f"compiling, {seconds:.0f} s so far", seconds)
        return found

    def build(self, tell: Tell = _tell_nobody) -> Path:
        """Compile now and wait, unless it is done already; the library's file.

        ``tell`` is given each line that ninja and the compiler print. Errors: BuildError.
        """
        self.now()
        return self._build(tell, kindly=False)

    def start(self) -> None:
        """Compile in the background, unless it is done, under way, or impossible."""
        if self.now().library is None and self._recipe is not None and self._background is None:
            self._background = threading.Thread(target=self._run, name="kernels", daemon=True)
            self._compiling_since = time.monotonic()  # so that nobody reads another line before
            self._background.start()
            atexit.register(self.stop)

    def _look(self) -> Found:
        with self._looking:
            if self._found is None:
                try:
                    self._recipe = Recipe.find(self._sources)
                    self._found = self._load(self._recipe)
                except BuildError as error:
                    self._found = Found(None, str(error))
            return self._found

    def _load(self, recipe: Recipe) -> Found:
        return Found(self._cache.load(recipe), recipe.line)

    def _build(self, tell: Tell, *, kindly: bool) -> Path:
        with self._building:
            recipe = self._recipe or Recipe.find(self._sources)
            if self.now().library is None:
                self._compiling_since = time.monotonic()
                try:
                    self._cache.make(recipe, tell, kindly=kindly)
                    self._found = self._load(recipe)
                except BuildError as error:
                    self._found = Found(None, str(error))
                    raise
                finally:
                    self._compiling_since = None
            return self._cache.file(recipe)

    def _run(self) -> None:
        with contextlib.suppress(BuildError):  # now() says it from now on
            self._build(_tell_nobody, kindly=True)

    def stop(self) -> None:
        """Leave no compiler behind at the end of the process."""
        self._cache.stop()
        if self._background is not None:
            self._background.join(_STOP_SECONDS)


_BUILDER = Builder(
    Path(__file__).parent / "cpu",
    platformdirs.user_cache_path("performer", appauthor=False) / "kernels",
)


def library() -> ctypes.CDLL | None:
    """The kernels for the processor, if they are built and loaded; cheap, and never compiles."""
    return _BUILDER.now().library


def state() -> str:
    """One line: which kernels there are, or why there are none, and the mend."""
    return _BUILDER.now().line


def is_compiling() -> bool:
    """Whether this process compiles the kernels now, which takes a processor for a minute."""
    return _BUILDER.now().seconds is not None


def now() -> Found:
    """What `library` and `state` return, of one moment."""
    return _BUILDER.now()


def build(tell: Tell = _tell_nobody) -> Path:
    """Compile the kernels now and wait; their file. Errors: BuildError."""
    return _BUILDER.build(tell)


def start() -> None:
    """Compile the kernels in the background; when that is done, `library` returns them."""
    _BUILDER.start()


def stop() -> None:
    """Leave no compiler behind; for who does not end as the interpreter does."""
    _BUILDER.stop()
