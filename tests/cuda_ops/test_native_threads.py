"""Native programs share their work among threads: same results, no lost thread, no early end."""

import ctypes
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from cuda_ops.cpu import kernels, steps
from cuda_ops.cpu.filters import Separable, gained
from cuda_ops.cpu.maps import Map, slots_of
from cuda_ops.cpu.program import Program
from cuda_ops.cpu.steps import FLOAT32, KINDS, Style
from cuda_ops.toolchain import find_compiler
from tests.cuda_ops.native_rig import filled, values_of

# Programs of a few short steps, run in a process of their own.
TINY = """
import sys, threading, time
import torch
from cuda_ops.cpu import kernels
from cuda_ops.cpu.maps import Map, slots_of
from cuda_ops.cpu.program import Program
x = torch.ones(32, 16, 128)
lies = Map(0, slots_of(32), (16, 128))
programs = [Program() for _ in range(3)]
for steps, program in enumerate(programs, start=1):
    for _ in range(steps):
        program.pack(x, lies)
        program.unpack(lies, torch.empty_like(x))
"""
MANY_RUNS = """
kernels.set_threads(int(sys.argv[1]))
began = time.monotonic()
for run in range(2000):
    programs[run * run % 3].run()
print(time.monotonic() - began)
"""
PLAYS_TO_THE_END = """
kernels.set_threads(3)
def play():
    while True:
        many.run()
many = Program()
for _ in range(100):
    many.pack(torch.zeros(64, 64, 64), big)
threading.Thread(target=play, daemon=True).start()
time.sleep(0.3)
"""
BURN = "while True: pass"


pytestmark = pytest.mark.usefixtures("own", "usual_threads")


class Chain:
    """A convolution and its filters, whose steps have many tasks."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        source = filled(torch.randn(48, 40, 36), FLOAT32, border=1)
        between = Map(FLOAT32, slots_of(40), (40, 36), pitch=source.pitch)
        self.out = Map(FLOAT32, slots_of(40), (70, 60))
        down = torch.rand(2, 12) / 12
        down += down.flip(1)
        self.program = Program()
        ones, zeros = torch.ones(64), torch.zeros(64)
        self.program.convolve(source, torch.randn(40, 48, 3, 3) / 20, between, ones, zeros)
        self.program.filtered_lrelu(
            between,
            self.out,
            gained(torch.rand(12) / 6, 2, 2**0.5),
            Separable(down, down),
            ones,
            factor=2,
            padding=9,
            slope=0.2,
            clamp=256.0,
        )

    def __call__(self):
        self.out.memory.zero_()
        self.program.run()
        return values_of(self.out)


def test_results_are_the_same_with_any_number_of_threads():
    chain, results = Chain(1), []
    for count in (1, 2, 3, 7):
        kernels.set_threads(count)
        results.append(chain())
    assert results[0].abs().sum() > 0
    assert all(torch.equal(result, results[0]) for result in results)


def test_programs_that_are_run_from_several_threads_take_turns():
    kernels.set_threads(3)
    chains = [Chain(seed) for seed in range(4)]
    expected = [chain() for chain in chains]

    def play(number):
        return all(torch.equal(chains[number](), expected[number]) for _ in range(15))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(play, range(4)))


def test_one_program_may_be_run_from_several_threads():
    kernels.set_threads(3)
    expected, shared = Chain(5)(), Chain(5)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: shared.program.run(), range(60)))
    assert torch.equal(values_of(shared.out), expected)


def test_the_number_of_threads_may_change_while_a_program_plays():
    chain = Chain(6)
    expected, ended = chain(), threading.Event()

    def change():
        for count in range(60):
            kernels.set_threads(1 + count % 4)
        ended.set()

    changing = threading.Thread(target=change)
    changing.start()
    while not ended.is_set():
        assert torch.equal(chain(), expected)
    changing.join()


def test_every_task_is_done_once_and_in_the_order_of_steps(tmp_path):
    program, sources = tmp_path / "pool_stress", Path(kernels.__file__).parent
    files = [Path(__file__).with_name("pool_stress.cpp"), sources / "pool.cpp"]
    options = ["-std=c++20", "-O2", "-pthread", "-I", sources, "-o", program]
    subprocess.run([*find_compiler().command, *options, *files], check=True)
    for threads in (1, 2, 8):
        ran = subprocess.run(
            [program, str(threads), "3000"], capture_output=True, text=True, timeout=60, check=True
        )
        assert ran.stdout == "0 mistakes\n"


def python(code: str, *arguments: str, **options) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], text=True, **options)


def test_waking_threads_that_must_wait_for_a_processor_takes_no_time():
    neighbour = python(BURN)
    playing = python(TINY + MANY_RUNS, str(4 * (os.cpu_count() or 1)), stdout=subprocess.PIPE)
    try:
        # A wake-up that is lost would have it wait for ever.
        seconds = float(playing.communicate(timeout=60)[0])
    finally:
        playing.kill()
        neighbour.kill()
        neighbour.wait()
    assert seconds < 20


def test_a_thread_may_play_when_the_process_ends():
    big = "big = Map(0, slots_of(64), (64, 64))\n"
    began = time.monotonic()
    ending = python(TINY + big + PLAYS_TO_THE_END)
    try:
        assert ending.wait(timeout=60) == 0
    finally:
        ending.kill()
    assert time.monotonic() - began < 60


def test_python_and_cpp_agree_on_every_structure(own):
    assert own.performer_size(-1) == ctypes.sizeof(Style)
    for structure in KINDS:
        assert own.performer_size(structure.KIND) == ctypes.sizeof(structure), structure
    assert own.performer_size(len(KINDS)) == 0


def test_an_unknown_step_or_too_many_are_refused():
    class Unknown(steps.Pack):
        KIND = 99

    program = Program()
    program._append(Unknown())
    with pytest.raises(RuntimeError, match="do not know"):
        program.run()
    lies, x = Map(FLOAT32, slots_of(1), (1, 1)), torch.ones(1, 1, 1)
    many = Program()
    for _ in range(257):
        many.pack(x, lies)
    with pytest.raises(RuntimeError, match="do not know"):
        many.run()
