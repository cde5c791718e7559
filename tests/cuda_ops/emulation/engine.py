"""CUDA kernels on the processor: compiled as C++, where ``emulator.h`` stands in for a device."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
from collections.abc import Callable
from ctypes import Structure
from functools import cached_property
from pathlib import Path

from cuda_ops.cuda.engine import SOURCES, Launch, Variant
from cuda_ops.cuda.tuning import Choices
from cuda_ops.toolchain import find_compiler

_FOLDER = Path(__file__).parent
_FLAGS = ("-O1", "-std=c++20", "-march=native", "-ffp-contract=off", "-fno-math-errno")
FORWARD, BACKWARD, SHUFFLED = range(3)


class _Launch(ctypes.Structure):
    _fields_ = [
        ("grid", ctypes.c_int32 * 3),
        ("block", ctypes.c_int32 * 3),
        ("shared_bytes", ctypes.c_int32),
        ("order", ctypes.c_int32),
    ]


class EmulatedKernel:
    """A kernel that runs on memory of the processor."""

    def __init__(self, file: Path, name: str, engine: Emulator) -> None:
        library = ctypes.CDLL(str(file))
        self._run = getattr(library, f"{name}_emulated")
        self.bytes: int = getattr(library, f"{name}_bytes")()
        self.threads: int = getattr(library, f"{name}_threads")()
        self._engine = engine

    def __call__(self, launch: Launch, parameters: Structure) -> None:
        """Run it, block after block."""
        assert ctypes.sizeof(parameters) == self.bytes, "Python and C++ lay parameters out alike"
        assert launch.threads <= self.threads, "no more threads than the kernel is compiled for"
        assert launch.shared_bytes <= self._engine.shared_bytes
        given = _Launch(
            (ctypes.c_int32 * 3)(*launch.blocks),
            (ctypes.c_int32 * 3)(launch.threads, 1, 1),
            launch.shared_bytes,
            self._engine.order,
        )
        self._run(ctypes.byref(parameters), ctypes.byref(given))
        if self._engine.recorder is not None:
            kept = type(parameters).from_buffer_copy(parameters)
            self._engine.recorder(lambda: self._run(ctypes.byref(kept), ctypes.byref(given)))


class Emulator:
    """Compiles each variant once, into a folder; RuntimeError where that fails."""

    processors = 2
    shared_bytes = 96 << 10

    def __init__(self, folder: Path, order: int = FORWARD, *, literal: bool = False) -> None:
        self.literal = literal
        self.recorder: Callable[[Callable[[], None]], None] | None = None
        self.choices = Choices()
        self.folder = folder
        self._loaded: dict[Variant, EmulatedKernel] = {}
        self.order = order

    def load(self, variant: Variant) -> EmulatedKernel:
        """The kernel."""
        if variant not in self._loaded:
            self._loaded[variant] = EmulatedKernel(self._file(variant), variant.kernel, self)
        return self._loaded[variant]

    def ready(self, variant: Variant) -> EmulatedKernel:
        """The kernel: nobody waits for it here."""
        return self.load(variant)

    @cached_property
    def _words(self) -> list[str]:
        """How everything is compiled."""
        found = [*find_compiler().command, *_FLAGS, "-fPIC"]
        return [*found, f"-I{_FOLDER}", f"-I{SOURCES}", "-x", "c++", "-"]

    @cached_property
    def _facts(self) -> str:
        """What all that is compiled depends on, besides its own text."""
        files = sorted([*SOURCES.glob("*.cuh"), *_FOLDER.glob("*.h")])
        texts = (file.read_text("utf-8") for file in files)
        return "".join([*self._words, find_compiler().version, *texts])

    @cached_property
    def _runtime(self) -> Path:
        """What runs kernels, compiled once for all of them."""
        text = (_FOLDER / "emulator.cpp").read_text("utf-8")
        return self._compiled("emulator", text, ".o", ["-c"])

    def _file(self, variant: Variant) -> Path:
        link = ["-shared", "-x", "none", str(self._runtime)]
        return self._compiled(variant.source, variant.text, ".so", link)

    def _compiled(self, name: str, text: str, suffix: str, more: list[str]) -> Path:
        """A text as a file of its own, which stays for as long as nothing changes."""
        facts = "\0".join([self._facts, text, *more])
        digest = hashlib.sha256(facts.encode()).hexdigest()[:16]
        file = self.folder / f"{name}-{digest}{suffix}"
        if not file.exists():
            part = file.with_suffix(f".{os.getpid()}.part")
            command = [*self._words, *more, "-o", str(part)]
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr)
            part.replace(file)
        return file
