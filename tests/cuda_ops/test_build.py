"""Kernels are built once, whole, and nobody is left without a reason when there are none."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cuda_ops.build import Builder, BuildError
from cuda_ops.recipe import LIBRARY, Recipe
from cuda_ops.toolchain import Compiler, Processor, described

ANSWER = '#include "answer.h"\nextern "C" int answer() { return ANSWER; }\n'
# A compiler that waits at a gate, and counts how often it was asked to compile, and how urgently.
GATED = """#!/bin/sh
case "$*" in *--version) exec g++ --version;; esac
nice >> {folder}/calls
while [ ! -e {folder}/gate ]; do sleep 0.02; done
exec g++ "$@"
"""
CHILD = """
import sys
from pathlib import Path
from cuda_ops.build import Builder
builder = Builder(Path(sys.argv[1]), Path(sys.argv[2]))
print("begins", flush=True)
{what}
"""
BUILDS = "builder.build(); print(builder.now().library.answer())"
STARTS = "builder.start(); input()"


@pytest.fixture(autouse=True)
def usual_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CXX", "PERFORMER_KERNELS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "my $kernels: few"
    folder.mkdir()
    (folder / "answer.cpp").write_text(ANSWER)
    (folder / "answer.h").write_text("#define ANSWER 42\n")
    (folder / "other.cpp").write_text('extern "C" int other() { return 7; }\n')
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache of kernels"


class Gate:
    """What the gated compiler was asked, and the gate before it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> None:
        (self._folder / "gate").touch()

    def calls(self) -> list[str]:
        """The niceness of each call so far."""
        calls = self._folder / "calls"
        return calls.read_text().split() if calls.exists() else []

    def wait_for_a_call(self) -> None:
        wait_for(self.calls)


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    program = tmp_path / "gated-c++"
    program.write_text(GATED.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("CXX", str(program))
    gate = Gate(tmp_path)
    yield gate
    gate.open()  # so that no compiler waits for ever


def wait_for(what: object, seconds: float = 30.0) -> None:
    assert callable(what)
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.01)


def child(what: str, sources: Path, cache: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", CHILD.format(what=what), str(sources), str(cache)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def libraries(cache: Path) -> list[Path]:
    return [*cache.rglob("*.so")]


def unfinished(cache: Path) -> list[Path]:
    return [*cache.glob(".unfinished-*")]


def test_kernels_are_compiled_linked_and_loaded(sources: Path, cache: Path) -> None:
    builder = Builder(sources, cache)
    told: list[str] = []
    assert builder.build(told.append) == libraries(cache)[0]
    library, line, _ = builder.now()
    assert library is not None
    assert (library.answer(), library.other()) == (42, 7)
    assert re.fullmatch(r"built for .+ by (g\+\+|clang) \d+\.\d+", line)
    assert told[-1] == "[3/3] link performer_cpu.so"
    assert unfinished(cache) == []


def test_looking_for_kernels_compiles_nothing(sources: Path, cache: Path) -> None:
    assert Builder(sources, cache).now()[:2] == (None, "not built yet; performer build")
    assert not cache.exists()


def test_the_next_process_has_them_at_once(sources: Path, cache: Path, gate: Gate) -> None:
    gate.open()
    built = Builder(sources, cache).build()
    calls = gate.calls()
    following = Builder(sources, cache)
    assert following.now().library is not None
    assert following.build() == built
    following.start()
    assert gate.calls() == calls


def test_whatever_changes_the_library_changes_its_key(sources: Path) -> None:
    recipe = Recipe.find(sources)
    assert Recipe.find(sources).key == recipe.key
    another = Processor(recipe.processor.name, f"{recipe.processor.features} new")
    newer = Compiler(recipe.compiler.command, "g++ 99.1")
    keys = {recipe.key, replace(recipe, processor=another).key, replace(recipe, compiler=newer).key}
    (sources / "answer.h").write_text("#define ANSWER 43\n")
    keys.add(Recipe.find(sources).key)
    (sources / "other.cpp").rename(sources / "another.cpp")
    keys.add(Recipe.find(sources).key)
    assert len(keys) == 5


def test_what_is_edited_while_it_compiles_is_not_taken_for_what_was_there_before(
    sources: Path, cache: Path, gate: Gate
) -> None:
    builder = Builder(sources, cache)
    builder.start()
    gate.wait_for_a_call()
    (sources / "answer.h").write_text("#define ANSWER 43\n")
    gate.open()
    assert builder.build().exists()
    library = builder.now().library
    assert library is not None
    assert library.answer() == 42
    assert Builder(sources, cache).now().library is None


def test_a_changed_kernel_is_built_beside_the_former(sources: Path, cache: Path) -> None:
    Builder(sources, cache).build()
    (sources / "answer.h").write_text("#define ANSWER 43\n")
    changed = Builder(sources, cache)
    assert changed.now().library is None
    changed.build()
    library = changed.now().library
    assert library is not None
    assert library.answer() == 43
    assert len(libraries(cache)) == 2


def test_a_broken_kernel_is_one_line_and_a_log(sources: Path, cache: Path) -> None:
    (sources / "answer.cpp").write_text("int answer( { return 42; }\n")
    builder = Builder(sources, cache)
    with pytest.raises(BuildError) as caught:
        builder.build()
    line = str(caught.value)
    assert re.match(r"failed: answer\.cpp:1:\d+: error: .*; see /.*build\.log$", line)
    assert "answer.cpp" in Path(line.rpartition("; see ")[2]).read_text()
    assert builder.now()[:2] == (None, line)
    assert Builder(sources, cache).now()[:2] == (None, line)  # the doctor, in another process
    assert libraries(cache) == unfinished(cache) == []


def test_after_a_failure_that_passed_they_are_built(
    sources: Path, cache: Path, gate: Gate, tmp_path: Path
) -> None:
    gate.open()
    compiler = (tmp_path / "gated-c++").read_text()
    (tmp_path / "gated-c++").write_text(compiler.replace('exec g++ "$@"', "exit 1"))
    builder = Builder(sources, cache)
    with pytest.raises(BuildError, match="failed"):
        builder.build()
    (tmp_path / "gated-c++").write_text(compiler)
    builder.build()
    assert builder.now().line.startswith("built for")
    assert Builder(sources, cache).now().line.startswith("built for")
    assert not list(cache.rglob("*.log"))


def test_without_a_compiler_the_line_has_the_mend(
    sources: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "platform", "linux")
    builder = Builder(sources, cache)
    builder.start()
    assert builder.now()[:2] == (None, "no C++ compiler; apt-get install g++")
    with pytest.raises(BuildError, match=r"no C\+\+ compiler"):
        builder.build()


def test_a_compiler_installed_meanwhile_is_used(
    sources: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = Builder(sources, cache)
    with monkeypatch.context() as bare:
        bare.setenv("PATH", "")
        assert builder.now().library is None
    builder.build()
    assert builder.now().library is not None


def test_a_compiler_that_was_named_and_is_not_there_is_not_replaced(
    sources: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "absent-c++ -v")
    line = "CXX=absent-c++ -v does not run; unset it, or name a C++ compiler"
    assert Builder(sources, cache).now()[:2] == (None, line)


def test_options_behind_a_named_compiler_are_kept(
    sources: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sources / "answer.h").unlink()
    monkeypatch.setenv("CXX", "g++ -DANSWER=44 '-I/my $include'")
    (sources / "answer.cpp").write_text(ANSWER.partition("\n")[2])
    builder = Builder(sources, cache)
    builder.build()
    library = builder.now().library
    assert library is not None
    assert library.answer() == 44


def test_without_ninja_the_line_has_the_mend(
    sources: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = shutil.which("g++")
    assert compiler is not None
    monkeypatch.setenv("CXX", compiler)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("cuda_ops.toolchain._packaged_ninja", lambda: None)
    builder = Builder(sources, cache)
    assert builder.now()[:2] == (None, "no ninja; pip install ninja")
    with pytest.raises(BuildError, match="no ninja; pip install ninja"):
        builder.build()


def test_a_library_that_does_not_load_is_said_deleted_and_built_anew(
    sources: Path, cache: Path
) -> None:
    file = cache / Recipe.find(sources).key / LIBRARY
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\x7fELF and then the power failed")
    builder = Builder(sources, cache)
    line = builder.now().line
    assert line.startswith("failed: what was built does not load, and is deleted (")
    assert line.endswith("; performer build")
    assert not file.exists()
    builder.build()
    assert builder.now().library is not None


def test_a_cache_that_cannot_be_written_is_one_line(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    builder = Builder(sources, tmp_path / "file" / "cache")
    with pytest.raises(BuildError, match=r"^failed: /.*file.*: Not a directory; make room there"):
        builder.build()


def test_a_folder_without_kernels_is_said(tmp_path: Path, cache: Path) -> None:
    line = f"no kernels in {tmp_path}; install performer again"
    assert Builder(tmp_path, cache).now()[:2] == (None, line)


def test_they_can_be_switched_off(
    sources: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Builder(sources, cache).build()
    monkeypatch.setenv("PERFORMER_KERNELS", "off")
    builder = Builder(sources, cache)
    builder.start()
    assert builder.now()[:2] == (None, "PERFORMER_KERNELS=off; unset it")
    with pytest.raises(BuildError, match="PERFORMER_KERNELS=off"):
        builder.build()


def test_in_the_background_they_are_built_once_and_say_how_long_it_takes(
    sources: Path, cache: Path, gate: Gate
) -> None:
    builder = Builder(sources, cache)
    began = time.monotonic()
    for _ in range(3):
        builder.start()
    assert time.monotonic() - began < 5  # it waits for nobody
    assert re.fullmatch(r"compiling, \d+ s so far", builder.now().line)
    gate.wait_for_a_call()
    assert builder.now().library is None
    gate.open()
    wait_for(lambda: builder.now().library)
    assert builder.now().line.startswith("built for")
    builder.start()
    assert len(gate.calls()) == 3  # two kernels and the link


def test_the_background_steps_back_for_the_picture(sources: Path, cache: Path, gate: Gate) -> None:
    own = int(subprocess.run("nice", capture_output=True, text=True).stdout)
    gate.open()
    builder = Builder(sources, cache)
    builder.start()
    wait_for(lambda: builder.now().library)
    assert set(gate.calls()) == {str(min(own + 10, 19))}


def test_a_failure_in_the_background_becomes_the_line(sources: Path, cache: Path) -> None:
    (sources / "answer.cpp").write_text("int answer( { return 42; }\n")
    builder = Builder(sources, cache)
    builder.start()
    wait_for(lambda: builder.now().line.startswith("failed: answer.cpp:1:"))


def test_who_builds_while_the_background_does_gets_the_same_library(
    sources: Path, cache: Path, gate: Gate
) -> None:
    builder = Builder(sources, cache)
    builder.start()
    gate.wait_for_a_call()
    gate.open()
    assert builder.build() == libraries(cache)[0]
    assert len(gate.calls()) == 3


def test_a_build_that_is_killed_leaves_nothing_that_is_taken(
    sources: Path, cache: Path, gate: Gate
) -> None:
    process = child(BUILDS, sources, cache)
    gate.wait_for_a_call()
    process.kill()
    process.communicate()
    assert libraries(cache) == []
    builder = Builder(sources, cache)
    assert builder.now()[:2] == (None, "not built yet; performer build")
    gate.open()
    builder.build()
    assert builder.now().library is not None
    assert len(libraries(cache)) == 1


def test_what_a_killed_build_left_is_swept_away_later(sources: Path, cache: Path) -> None:
    for name, age_seconds in (("old", 4000), ("young", 10)):
        place = cache / f".unfinished-{name}"
        place.mkdir(parents=True)
        os.utime(place, (time.time() - age_seconds,) * 2)
    Builder(sources, cache).build()
    assert [place.name for place in unfinished(cache)] == [".unfinished-young"]


def former_libraries(cache: Path, count: int, days: int) -> list[Path]:
    """Folders of libraries that were used so many days ago and before, the last used first."""
    places = [cache / f"{number:020x}" for number in range(count)]
    for age, place in enumerate(places):
        place.mkdir(parents=True)
        (place / LIBRARY).touch()
        os.utime(place, (time.time() - 86400 * (days + age),) * 2)
    return places


def test_only_the_libraries_that_were_used_last_are_kept(sources: Path, cache: Path) -> None:
    places = former_libraries(cache, 10, days=1)
    foreign = cache / "notes of mine"
    foreign.mkdir()
    os.utime(foreign, (0, 0))
    built = Builder(sources, cache).build()
    assert foreign.exists()
    assert built.exists()
    assert [place.exists() for place in places] == [True] * 7 + [False] * 3


def test_a_library_that_was_loaded_today_is_kept_however_old_it_is(
    sources: Path, cache: Path
) -> None:
    old = Builder(sources, cache).build()
    os.utime(old.parent, (0, 0))
    former_libraries(cache, 9, days=1)
    assert Builder(sources, cache).now().library is not None
    (sources / "answer.h").write_text("#define ANSWER 43\n")
    Builder(sources, cache).build()
    assert old.exists()


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps what is loaded")
def test_a_library_that_is_swept_away_while_it_plays_plays_on(sources: Path, cache: Path) -> None:
    playing = Builder(sources, cache)
    old = playing.build()
    former_libraries(cache, 9, days=1)
    os.utime(old.parent, (0, 0))
    (sources / "answer.h").write_text("#define ANSWER 43\n")
    Builder(sources, cache).build()
    assert not old.exists()
    library = playing.now().library
    assert library is not None
    assert library.answer() == 42


def test_after_a_failure_long_ago_they_are_built(sources: Path, cache: Path) -> None:
    place = cache / Recipe.find(sources).key
    place.mkdir(parents=True)
    (place / "build.log").write_text("error: out of luck\n")
    os.utime(place, (0, 0))
    former_libraries(cache, 9, days=1)
    assert Builder(sources, cache).build().exists()


def test_a_process_that_ends_takes_its_compiler_with_it(
    sources: Path, cache: Path, gate: Gate
) -> None:
    process = child(STARTS, sources, cache)
    gate.wait_for_a_call()
    began = time.monotonic()
    process.communicate("\n")
    assert process.returncode == 0
    assert time.monotonic() - began < 2
    assert unfinished(cache) == []
    assert Builder(sources, cache).now()[:2] == (None, "not built yet; performer build")


def test_two_processes_that_build_at_once_both_have_a_good_library(
    sources: Path, cache: Path, gate: Gate
) -> None:
    racing = [child(BUILDS, sources, cache) for _ in range(2)]
    wait_for(lambda: len(gate.calls()) >= 4)
    gate.open()
    assert [process.communicate()[0] for process in racing] == ["42\n", "42\n"]
    assert len(libraries(cache)) == 1
    assert unfinished(cache) == []


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("g++ (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright", "g++ 12.2"),
        ("c++ (GCC) 13.2.1 20231205 (Red Hat 13.2.1-6)", "g++ 13.2"),
        ("Debian clang version 16.0.6 (15~deb12u1)\nTarget: x86_64", "clang 16.0"),
        ("Apple clang version 15.0.0 (clang-1500.3.9.4)", "clang 15.0"),
        ("a compiler of my own", "g++"),
    ],
)
def test_a_compiler_is_named_by_its_kind_and_version(version: str, name: str) -> None:
    assert Compiler(("c++",), version).name == name


def test_a_processor_is_told_by_its_features_and_not_by_its_clock() -> None:
    core = "processor\t: {}\nmodel name\t: Fast CPU\ncpu MHz\t\t: {}\nflags\t\t: avx2 {}\n\n"
    one = described(core.format(0, 2600, "fma") + core.format(1, 2600, "fma"), "x86_64")
    assert one.name == "Fast CPU"
    assert one == described(core.format(0, 1200, "fma") + core.format(1, 800, "fma"), "x86_64")
    assert one != described(core.format(0, 2600, "") + core.format(1, 2600, "fma"), "x86_64")
    assert described("Features\t: asimd\nCPU part\t: 0xd0b\n", "aarch64") == Processor(
        "aarch64", "CPU part: 0xd0b\nFeatures: asimd"
    )
