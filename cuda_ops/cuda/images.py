"""Machine code of kernels: compiled when first asked for, kept in a folder from then on.

What is kept depends on the sources, the macros and the architecture, and not on who compiled it:
where it is there, nobody needs a compiler.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Protocol

from cuda_ops.cuda import nvrtc
from cuda_ops.cuda.engine import SOURCES, Variant
from cuda_ops.toolchain import BuildError

FLAGS = ("--std=c++17",)
_LOG_LINES = 3


class Compiler(Protocol):
    """Whatever makes machine code of CUDA sources."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    def __call__(self, variant: Variant, architecture: int) -> bytes:
        """A cubin. Errors: `BuildError`."""
        ...


class NvrtcCompiler:
    """NVRTC, in this process."""

    def __init__(self, library: nvrtc.Nvrtc) -> None:
        self._nvrtc = library

    @property
    def name(self) -> str:
        """Such as ``NVRTC 13.0``."""
        return self._nvrtc.name

    def __call__(self, variant: Variant, architecture: int) -> bytes:
        """A cubin."""
        headers = {file.name: file.read_text("utf-8") for file in SOURCES.glob("*.cuh")}
        return self._nvrtc.compile(variant.text, headers, FLAGS, architecture)


class NvccCompiler:
    """The toolkit's nvcc, which wants a C++ compiler beside it."""

    name = "nvcc"

    def __init__(self, program: str) -> None:
        self._program = program

    def __call__(self, variant: Variant, architecture: int) -> bytes:
        """A cubin."""
        with tempfile.TemporaryDirectory() as folder:
            source, made = Path(folder) / "kernel.cu", Path(folder) / "kernel.cubin"
            source.write_text(variant.text, "utf-8")
            words = [self._program, *FLAGS, f"-I{SOURCES}", "-cubin", f"-arch=sm_{architecture}"]
            command = [*words, str(source), "-o", str(made)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                lines = [line for line in done.stderr.splitlines() if "error" in line.lower()]
                raise BuildError(f"nvcc: {' '.join(lines[:_LOG_LINES]) or 'it gave up'}")
            return made.read_bytes()


def find_compiler() -> Compiler:
    """NVRTC, or where there is none nvcc on ``$PATH``. Errors: `BuildError`."""
    try:
        return NvrtcCompiler(nvrtc.find())
    except BuildError:
        program = shutil.which("nvcc")
        if program is None:
            raise
        return NvccCompiler(program)


def key(variant: Variant, architecture: int) -> str:
    """The same for the same machine code, and for no other."""
    headers = (file.read_text("utf-8") for file in sorted(SOURCES.glob("*.cuh")))
    facts = [*FLAGS, str(architecture), variant.text, *headers]
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:20]


@functools.cache
def edition() -> str:
    """Of all sources together: what another one left behind plays nothing of this one."""
    sources = [file.read_bytes() for file in sorted(SOURCES.glob("*.cu*"))]
    return hashlib.sha256(b"\0".join([" ".join(FLAGS).encode(), *sources])).hexdigest()[:8]


class Images:
    """Machine code by variant and architecture, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def compiler(self) -> Compiler:
        """What compiles here. Errors: `BuildError`."""
        return find_compiler()

    def origin(self, architecture: int) -> str:
        """Where machine code for a device comes from, for people. Errors: `BuildError` where no
        compiler is found and nothing for such a device is kept."""
        try:
            return f"compiled by {self.compiler.name} for sm_{architecture}"
        except BuildError as error:
            if not any(self._folder.glob(_name("*", architecture, "*"))):
                raise
            return f"kept for sm_{architecture}, and no others ({error})"

    def __call__(self, variant: Variant, architecture: int) -> bytes:
        """A cubin. Errors: `BuildError`."""
        file = self._folder / _name(variant.source, architecture, key(variant, architecture))
        with contextlib.suppress(OSError):  # it is not there, or cannot be read
            return file.read_bytes()
        image = self.compiler(variant, architecture)
        self._keep(image, file)
        return image

    def _keep(self, image: bytes, file: Path) -> None:
        """Put it in its place whole, whoever else does the same; a full disk costs only time."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(f".{os.getpid()}.part")
            with part.open("wb") as made:
                made.write(image)
                made.flush()
                os.fsync(made.fileno())  # or a power cut leaves half of it, which never loads
            part.replace(file)


def _name(source: str, architecture: int, key: str) -> str:
    """Of a file of machine code."""
    return f"{source}-sm_{architecture}-{edition()}-{key}.cubin"
