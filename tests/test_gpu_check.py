"""The check for machines with an accelerator finds what is wrong, and runs on the processor too."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import (
    bends_on_device,
    canvas_on_device,
    floor,
    gpu_check,
    kernel_cases,
    lending,
    live,
    on_device,
)
from benchmarks.accelerator import Extent
from benchmarks.checking import Bench, Check, Row, run
from benchmarks.dry import DryAccelerator
from cuda_ops.cuda import maps
from model.bends.add import Add
from model.bends.multiply import Multiply
from tests.cuda_ops.emulation.engine import Emulator

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """The quick list, on one golden network alone."""
    folder = tmp_path / "golden"
    (folder / "golden").mkdir(parents=True)
    shutil.copy(GOLDEN / "manifest.json", folder)
    shutil.copy(GOLDEN / "golden" / "stylegan2.npz", folder / "golden")
    (folder / "pickles").symlink_to(GOLDEN / "pickles")
    ends = time.monotonic() + 60
    return Bench(torch.device("cpu"), folder, quick=True, ends=ends)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the untrained networks away."""
    monkeypatch.setattr(gpu_check, "QUICK_SUBJECTS", ())


@pytest.mark.usefixtures("small")
def test_a_good_machine_passes_and_gets_its_file(bench: Bench, tmp_path: Path) -> None:
    assert run(bench, gpu_check.CHECKS, tmp_path / "results") == 0
    written = (tmp_path / "results" / "processor.md").read_text()
    assert "No accelerator" in written
    assert "failed" not in written
    for check in gpu_check.CHECKS:
        assert f"## {check.title}" in written
    assert written.count("| stylegan2 | float32 |") == 3
    alone = [check for check in gpu_check.CHECKS if check.needs_device]
    assert written.count("Not measured: there is no CUDA device here.") == len(alone)


@pytest.fixture
def rehearsal(bench: Bench, emulator: Emulator, tmp_path: Path) -> Iterator[Bench]:
    """What there is on a device alone, on stand-ins."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two spin, where a neighbour is busy
    yield replace(
        bench, accelerator=DryAccelerator(tmp_path, emulator), ends=time.monotonic() + 600
    )
    torch.set_num_threads(threads)


def test_the_kernels_are_compared_wherever_they_run(rehearsal: Bench) -> None:
    rehearsal.measured.extent = replace(rehearsal.measured.extent, layers=6)
    rows = [measure() for measure in on_device.kernel_rows(rehearsal)]
    filtered, others = rows[:8], rows[8:]
    of_layers = ["T", "T, a skip", "T", "T, a skip", "T", "R", "R", "T"]  # R's last is not radial
    assert [row.cells[1] for row in filtered] == of_layers
    kernels = {row.cells[0] for row in others}
    assert kernels >= {"finish", "mirror", "waves", "styles", "gains", "upfirdn2d", "footage"}
    assert [row.cells[1] for row in others if row.cells[0] == "frame"] == ["RGBA", "BGRA", "UYVY"]
    assert not [row.cells for row in rows if row.failed]


def test_a_kernel_that_computes_something_else_fails(
    rehearsal: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_device, "gained", lambda taps, factor, gain: taps * factor)
    assert next(iter(on_device.kernel_rows(rehearsal)))().failed


def test_smaller_kernels_that_compute_something_else_fail(
    rehearsal: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame, pad = kernel_cases.frames.frame, kernel_cases.mirror_pad
    swapped = {"rgba": "bgra", "bgra": "rgba", "uyvy": "uyvy"}
    monkeypatch.setattr(
        kernel_cases.frames, "frame", lambda *given: frame(*given[:3], swapped[given[3]])
    )
    monkeypatch.setattr(kernel_cases, "mirror_pad", lambda x, margin: pad(x, margin).flip(3))
    rehearsal.measured.extent = replace(rehearsal.measured.extent, layers=0)
    rows = [measure() for measure in on_device.kernel_rows(rehearsal)]
    failed = [row.cells[:2] for row in rows if row.failed]
    assert failed == [
        ("mirror", "4 pixels"),
        ("mirror", "60 pixels"),
        ("frame", "RGBA"),
        ("frame", "BGRA"),
    ]


def test_a_canvas_is_compared_with_its_encoder(
    rehearsal: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = [measure() for measure in canvas_on_device.canvas_rows(rehearsal)]
    assert (row.cells[:2], row.failed) == (("canvas 32", "float32"), False)
    exact = float(row.cells[3])
    assert exact < 1e-5
    finish = maps.finish
    monkeypatch.setattr(
        maps, "finish", lambda *given, **named: finish(*given, **named | {"slope": 0.5})
    )
    (row,) = [measure() for measure in canvas_on_device.canvas_rows(rehearsal)]
    assert row.failed


def test_a_frame_that_reaches_a_texture_as_another_fails(
    rehearsal: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = next(iter(lending.lending_rows(rehearsal)))()
    if row.cells[1].startswith("not this way: no OpenGL"):
        pytest.skip(row.cells[1])
    assert (row.cells[1], row.failed) == ("the same", False)
    lend = rehearsal.measured.lend
    monkeypatch.setattr(rehearsal.measured, "lend", lambda frame: lend(255 - frame))
    row = next(iter(lending.lending_rows(rehearsal)))()
    assert (row.cells[1], row.failed) == ("others", True)


@pytest.mark.parametrize(
    ("lacking", "why"), [("CARD_DRAWS_NOTHING", "(100)"), ("CARD_LENDS_NOTHING", "(801)")]
)
def test_a_machine_that_lends_nothing_says_why_and_fails_nothing(
    rehearsal: Bench, monkeypatch: pytest.MonkeyPatch, lacking: str, why: str
) -> None:
    monkeypatch.setenv(lacking, "1")
    row = next(iter(lending.lending_rows(rehearsal)))()
    if row.cells[1].startswith("not this way: no OpenGL"):
        pytest.skip(row.cells[1])
    assert row.cells[1].startswith("not this way: ")
    assert row.cells[1].endswith(why)
    assert not row.failed


def test_a_borrower_that_breaks_fails(rehearsal: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal.measured, "lend", lambda frame: b"no place")
    row = next(iter(lending.lending_rows(rehearsal)))()
    if row.cells[1].startswith("not this way: no OpenGL"):
        pytest.skip(row.cells[1])
    assert row.failed


def test_bends_are_compared_wherever_they_run(
    rehearsal: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [measure() for measure in bends_on_device.bend_rows(rehearsal)]
    assert len(rows) == 24
    assert not any(row.failed for row in rows)
    monkeypatch.setattr(Multiply, "in_slots", Add.in_slots)
    rows = [measure() for measure in bends_on_device.bend_rows(rehearsal)]
    assert [row.cells[0] for row in rows if row.failed] == ["multiply"]


@pytest.mark.timeout(900)
def test_a_rehearsal_runs_to_the_end_of_every_table(rehearsal: Bench, tmp_path: Path) -> None:
    failed = run(rehearsal, gpu_check.CHECKS, tmp_path)
    written = (tmp_path / "rehearsal.md").read_text()
    assert failed == 0, written
    assert "A rehearsal" in written
    assert "left out" not in written
    for name in ("| t32:1k/8 |", "| canvas 32 |", "| aten::conv2d |", "| stylegan2 | float32 |"):
        assert name in written, name
    (frames,) = re.findall(r"^\| canvas 32 .* \| (\d+) of (\d+) \|$", written, re.MULTILINE)
    assert int(frames[0]) == 0 < int(frames[1])  # every frame was a graph


def test_the_whole_list_fits_its_device() -> None:
    extent = Extent()
    assert extent.watched_frames == 20_000
    assert [str(subject) for subject in extent.subjects[:2]] == ["t1024:32k/512", "r1024:64k/1024"]
    assert len(live.KINDS) == 20


def test_the_floor_counts_work_and_bytes() -> None:
    work = floor.work(Extent().subjects[0].config().synthesis)
    # As modelled by hand for StyleGAN3-T 1024: 570 GFLOP, and 2143 MB in half precision.
    assert work.operations == pytest.approx(570e9, rel=0.03)
    assert work.values * 2 == pytest.approx(2143e6, rel=0.1)
    assert work.milliseconds(1e12, 1e12) == pytest.approx((work.operations + work.values) / 1e9)


def test_a_wrong_golden_array_fails(bench: Bench) -> None:
    file = bench.golden / "golden" / "stylegan2.npz"
    with np.load(file) as stored:
        arrays = dict(stored)
    arrays["img_wmix"] *= 1.01
    np.savez(file, **arrays)
    (row,) = [measure() for measure in gpu_check.golden_rows(bench)]
    assert row.failed
    assert "img_wmix" in row.cells


def test_half_precision_is_held_to_its_own_limit(bench: Bench) -> None:
    rows = [measure() for measure in gpu_check.float64_rows(replace(bench, quick=False))]
    assert [row.cells[1] for row in rows] == ["float32", "float16", "bfloat16"]
    assert not any(row.failed for row in rows)


def test_a_row_that_goes_wrong_costs_one_line(bench: Bench, tmp_path: Path) -> None:
    def broken() -> Row:
        raise RuntimeError("no such | plugin")

    def rows(_: Bench) -> Iterator[Callable[[], Row]]:
        yield from (lambda: Row(("first", "1")), broken, lambda: Row(("third", "3")))
        raise ValueError("and this table ends early")

    checks = [Check("one", ("what", "how"), rows), Check("two", ("what", "how"), rows)]
    assert run(bench, checks, tmp_path) == 1
    lines = (tmp_path / "processor.md").read_text().splitlines()
    table = lines[lines.index("## one") + 4 : lines.index("## two") - 1]
    assert table == [
        "| first | 1 |",
        "| RuntimeError: no such / plugin |  | **failed**",
        "| third | 3 |",
        "| ValueError: and this table ends early |  | **failed**",
    ]


def test_what_no_time_was_left_for_is_said(bench: Bench, tmp_path: Path) -> None:
    assert run(replace(bench, ends=time.monotonic()), gpu_check.CHECKS, tmp_path) == 1
    assert "left out" in (tmp_path / "processor.md").read_text()


def test_every_large_network_can_be_described() -> None:
    names = [subject.name for subject in gpu_check.LARGE_SUBJECTS]
    assert {"stylegan3-t 256", "stylegan3-r 1024"} <= set(names)
    assert len(names) == len(set(names))


def test_an_untrained_stylegan3_paints() -> None:
    network = gpu_check._stylegan3("r", 256)
    assert network.config.layers[-1] == "L14_256_3"
    assert network.config.widths[0] == 1024
