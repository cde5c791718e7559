"""NVRTC, the CUDA compiler that comes as a library with torch's CUDA wheels: it needs no toolkit,
no C++ compiler and, to compile, no device either."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cuda_ops.toolchain import BuildError

_PATTERNS = {
    "win32": ("nvrtc64_*.dll",),
    "linux": ("libnvrtc.so.*", "libnvrtc.so"),
}
_MEND = "pip install nvidia-cuda-nvrtc"


def candidates() -> Iterator[Path]:
    """Where the library may be: beside torch and in NVIDIA's wheels, then in a toolkit."""
    for folder in _folders():
        for pattern in _PATTERNS.get(sys.platform, ()):
            found = sorted(folder.glob(pattern), reverse=True)
            yield from (file for file in found if ".alt" not in file.name)


def _folders() -> Iterator[Path]:
    for package in ("nvidia", "torch"):
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            yield Path(place) / "lib"
            yield from sorted(Path(place).glob("*/lib"), reverse=True)
            yield from sorted(Path(place).glob("*/bin/**/"), reverse=True)
    for name in ("CUDA_PATH", "CUDA_HOME"):
        if root := os.environ.get(name):
            yield from (Path(root) / "lib64", Path(root) / "bin")
    yield Path("/usr/local/cuda/lib64")


def find() -> Nvrtc:
    """The first library that loads. Errors: `BuildError`, with the mend."""
    failed = ""
    named = [*map(str, candidates()), *filter(None, [ctypes.util.find_library("nvrtc")])]
    for name in named:
        try:
            return Nvrtc(_load(Path(name)))
        except OSError as error:
            failed = failed or " ".join(str(error).split())
    why = f"NVRTC does not load ({failed})" if failed else "no NVRTC"
    raise BuildError(f"{why}; {_MEND}")


def _load(file: Path) -> ctypes.CDLL:
    """A library, and before it the one that it would look for everywhere but beside itself."""
    for builtins in sorted(file.parent.glob("*nvrtc-builtins*")):
        if ".alt" not in builtins.name:
            ctypes.CDLL(str(builtins))
    return ctypes.CDLL(str(file))


class Nvrtc:
    """The compiler. Errors of all calls: `BuildError`, with the first error it found."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        library.nvrtcGetErrorString.restype = ctypes.c_char_p
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._call("nvrtcVersion", ctypes.byref(major), ctypes.byref(minor))
        self.version = (major.value, minor.value)

    @property
    def name(self) -> str:
        """Such as ``NVRTC 13.0``."""
        return f"NVRTC {self.version[0]}.{self.version[1]}"

    def compile(
        self, source: str, headers: Mapping[str, str], flags: Sequence[str], architecture: int
    ) -> bytes:
        """Machine code (a cubin) for ``source``, which may include ``headers`` by name."""
        names = (ctypes.c_char_p * len(headers))(*(name.encode() for name in headers))
        texts = (ctypes.c_char_p * len(headers))(*(text.encode() for text in headers.values()))
        program = ctypes.c_void_p()
        given = source.encode(), b"kernel.cu", len(headers), texts, names
        self._call("nvrtcCreateProgram", ctypes.byref(program), *given)
        try:
            return self._compiled(program, [*flags, f"--gpu-architecture=sm_{architecture}"])
        finally:
            self._call("nvrtcDestroyProgram", ctypes.byref(program))

    def _compiled(self, program: ctypes.c_void_p, flags: Sequence[str]) -> bytes:
        options = (ctypes.c_char_p * len(flags))(*(flag.encode() for flag in flags))
        if self._library.nvrtcCompileProgram(program, len(flags), options):
            lines = self._text(program, "nvrtcGetProgramLog").decode(errors="replace").splitlines()
            first = next((line for line in lines if "error" in line), "the compiler gave up")
            raise BuildError(f"{self.name}: {first}")
        return self._text(program, "nvrtcGetCUBIN")

    def _text(self, program: ctypes.c_void_p, what: str) -> bytes:
        size = ctypes.c_size_t()
        self._call(f"{what}Size", program, ctypes.byref(size))
        text = ctypes.create_string_buffer(size.value)
        self._call(what, program, text)
        return text.raw

    def _call(self, name: str, *given: object) -> None:
        error = getattr(self._library, name)(*given)
        if error:
            why = self._library.nvrtcGetErrorString(error).decode()
            raise BuildError(f"{name}: {why}")
