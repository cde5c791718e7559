"""What the kernels are compiled with, and for: a C++ compiler, ninja, the processor at hand."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_COMPILERS = ("c++", "g++", "clang++")
# No warnings: a performer can do nothing about them, and GCC 12 alone has thousands about its own
# headers.
_FLAGS = (
    "-O3",
    "-std=c++20",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    # A maximum is then one instruction.
    "-ffinite-math-only",
    "-fno-signed-zeros",
)
_COMPILER_MENDS = {
    "darwin": "xcode-select --install",
    "win32": "put g++ or clang++ of LLVM or MinGW on PATH (MSVC is not supported)",
}
_CPUINFO = Path("/proc/cpuinfo")
_CPUINFO_FIELDS = ("model name", "flags", "Features", "CPU implementer", "CPU part", "isa")
_ANSWER_SECONDS = 10.0


class BuildError(Exception):
    """The kernels cannot be had here; the message is one line, with the mend."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C++ compiler: how it is called, and all that it says of its version."""

    command: tuple[str, ...]
    version: str

    @property
    def name(self) -> str:
        """Such as ``g++ 12.2``."""
        line = re.sub(r"\(.*?\)", "", self.version.partition("\n")[0])  # the packager's own words
        number = re.search(r"\d+\.\d+", line)
        kind = "clang" if "clang" in line else "g++"
        return f"{kind} {number[0]}" if number else kind


@dataclass(frozen=True, slots=True)
class Processor:
    """The processor at hand: its name, and all that decides what may be compiled for it."""

    name: str
    features: str


def find_compiler() -> Compiler:
    """What ``$CXX`` names, or the first compiler on ``$PATH``. Errors: BuildError."""
    named = os.environ.get("CXX")
    words = shlex.split(named, posix=os.name == "posix") if named else []
    for program, *options in [words] if words else [[name] for name in _COMPILERS]:
        found = shutil.which(program)
        version = _answer([found, *options, "--version"]) if found else ""
        if found and version:
            return Compiler((found, *options), version)
    if words:
        raise BuildError(f"CXX={named} does not run; unset it, or name a C++ compiler")
    mend = _COMPILER_MENDS.get(sys.platform, "apt-get install g++")
    raise BuildError(f"no C++ compiler; {mend}")


def find_ninja() -> str:
    """The program of the ``ninja`` package, or the one on ``$PATH``. Errors: BuildError."""
    found = _packaged_ninja() or shutil.which("ninja")
    if found is None:
        raise BuildError("no ninja; pip install ninja")
    return found


def _packaged_ninja() -> str | None:
    if importlib.util.find_spec("ninja") is None:  # a system that packages us has its own
        return None
    from ninja import BIN_DIR

    return shutil.which("ninja", path=BIN_DIR)


def find_processor() -> Processor:
    """The processor that this process runs on."""
    name = platform.processor() or platform.machine()
    if _CPUINFO.exists():
        return described(_CPUINFO.read_text(encoding="utf-8", errors="replace"), name)
    brand = _answer(["sysctl", "-n", "machdep.cpu.brand_string"]).strip()
    return Processor(brand or name, _answer(["sysctl", "machdep.cpu", "hw.optional"]))


def described(cpuinfo: str, name: str) -> Processor:
    """The processor of a ``/proc/cpuinfo``; Arm's gives none, and ``name`` stands in."""
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    facts = {(key.strip(), value.strip()) for key, _, value in lines}  # cores may differ
    kept = sorted(fact for fact in facts if fact[0] in _CPUINFO_FIELDS)
    names = [value for key, value in kept if key == "model name"]
    features = "\n".join(f"{key}: {value}" for key, value in kept)
    return Processor(names[0] if names else name, features)


def compile_flags() -> tuple[str, ...]:
    """What the compiler is told here, whichever it is."""
    arm = platform.machine().lower() in ("arm64", "aarch64")
    native = "-mcpu=native" if arm else "-march=native"
    shared = () if sys.platform == "win32" else ("-fPIC", "-pthread")
    return (*_FLAGS, native, *shared)


def _answer(command: Sequence[str]) -> str:
    """What a program prints; nothing where it is missing, cannot run or fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):  # which the caller says in its own words
        return ""
    return done.stdout if done.returncode == 0 else ""
