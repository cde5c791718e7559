"""What the library of kernels is made of, and how ninja makes it."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cuda_ops.toolchain import (
    BuildError,
    Compiler,
    Processor,
    compile_flags,
    find_compiler,
    find_processor,
)

LIBRARY = "performer_cpu.so"
_SWITCH = "PERFORMER_KERNELS"


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what the library is like; ``sources``: bytes by file name."""

    sources: Mapping[str, bytes]
    compiler: Compiler
    processor: Processor

    @classmethod
    def find(cls, folder: Path) -> Recipe:
        """The recipe for the kernels in ``folder``, here. Errors: BuildError."""
        if os.environ.get(_SWITCH) == "off":
            raise BuildError(f"{_SWITCH}=off; unset it")
        files = sorted([*folder.glob("*.cpp"), *folder.glob("*.h")])
        if not files:
            raise BuildError(f"no kernels in {folder}; install performer again")
        # Read once, so that what is compiled is what the key says, though somebody edits meanwhile.
        sources = {file.name: file.read_bytes() for file in files}
        return cls(sources, find_compiler(), find_processor())

    @property
    def key(self) -> str:
        """The same for the same library, and for no other."""
        facts = [
            *(f"{name} {hashlib.sha256(text).hexdigest()}" for name, text in self.sources.items()),
            *compile_flags(),
            *self.compiler.command,
            self.compiler.version,
            platform.system(),
            platform.machine(),
            self.processor.name,
            self.processor.features,
        ]
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:20]

    @property
    def line(self) -> str:
        """What there is to say of the library, once it is there."""
        return f"built for {self.processor.name} by {self.compiler.name}"

    def lay_out(self, place: Path) -> None:
        """Write the sources into the folder ``place``, and the file that has ninja compile them."""
        for name, text in self.sources.items():
            (place / name).write_bytes(text)
        (place / "build.ninja").write_text(self._ninja_file(), encoding="utf-8")

    def _ninja_file(self) -> str:
        """Each source to an object, and the objects to the library."""
        words = [*self.compiler.command, *compile_flags()]
        command = shlex.join(words) if os.name == "posix" else subprocess.list2cmdline(words)
        compiler = command.replace("$", "$$")
        stems = [name.removesuffix(".cpp") for name in self.sources if name.endswith(".cpp")]
        lines = [
            f"rule compile\n  command = {compiler} -c $in -o $out\n  description = compile $out",
            f"rule link\n  command = {compiler} -shared $in -o $out\n  description = link $out",
            *(f"build {stem}.o: compile {stem}.cpp" for stem in stems),
            f"build {LIBRARY}: link {' '.join(f'{stem}.o' for stem in stems)}",
        ]
        return "\n".join([*lines, ""])
