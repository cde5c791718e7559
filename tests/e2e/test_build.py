"""While it plays, the instrument compiles its kernels, and always says what plays instead."""

import contextlib
import re
from pathlib import Path

import psutil
import pytest

from tests.rig.show import Show, lives, playing, wait_for

SCENE = """\
performer: 1
model: {untrained: 7, canvas: 64x64}
source: {kind: card}
"""
FAILS = """#!/bin/sh
case "$*" in *--version) exec g++ --version;; esac
while [ ! -e {gate} ]; do sleep 0.02; done
echo "kernel.cpp:1:1: error: out of luck"
exit 1
"""
COMPILES = "operators: portable: pure torch, while the native kernels compile, "
COUNTED = re.compile(r"compile, [1-9]\d* s so far")
FAILED = (
    "operators: portable: pure torch, because failed: kernel.cpp:1:1: error: out of luck; see /"
)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    file = tmp_path / "scene.yaml"
    file.write_text(SCENE)
    return file


@pytest.fixture
def compiler(tmp_path: Path) -> Path:
    """One that fails as soon as its gate is there."""
    compiler = tmp_path / "c++"
    compiler.write_text(FAILS.format(gate=tmp_path / "gate"))
    compiler.chmod(0o755)
    return compiler


def compiling_with(compiler: Path) -> dict[str, str]:
    cache = str(compiler.with_name("cache"))
    return {"CXX": str(compiler), "XDG_CACHE_HOME": cache, "PERFORMER_KERNELS": ""}


def test_run_and_the_page_say_which_operators_play_whenever_that_changes(
    scene: Path, compiler: Path
) -> None:
    with playing(scene, env=compiling_with(compiler)) as show:
        assert wait_for(lambda: COUNTED.search(show.status()["operators"]))
        (said,) = [line for line in show.said if line.startswith("operators")]
        assert said.startswith(COMPILES)
        compiler.with_name("gate").touch()
        assert wait_for(lambda: show.said[-1].startswith(FAILED)), show.said
        assert wait_for(lambda: f"operators: {show.status()['operators']}" == show.said[-1])


def test_a_show_that_ends_while_it_compiles_leaves_no_compiler_behind(
    scene: Path, compiler: Path
) -> None:
    with playing(scene, env=compiling_with(compiler)) as show:
        assert wait_for(lambda: compiling(show, compiler))
        programs = compiling(show, compiler)
        show.stop()
    assert wait_for(lambda: not any(map(lives, programs)), 5)


def compiling(show: Show, compiler: Path) -> list[psutil.Process]:
    found = []
    for each in psutil.Process(show.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may be ending just now
            if str(compiler) in " ".join(each.cmdline()):
                found.append(each)
    return found


def test_kernels_that_are_switched_off_are_said_once(scene: Path) -> None:
    with playing(scene, "--frames", "20", env={"PERFORMER_KERNELS": "off"}) as show:
        show.process.wait(60)
    line = "operators: portable: pure torch, because PERFORMER_KERNELS=off; unset it"
    assert [said for said in show.said if said.startswith("operators")] == [line]
