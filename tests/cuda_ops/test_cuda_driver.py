"""What the CUDA driver is told: by a driver that computes nothing."""

import ctypes
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from cuda_driver.library import Driver, DriverError
from cuda_ops.cuda import device as devices
from cuda_ops.cuda import images, maps, operators, recording
from cuda_ops.cuda.device import Found
from cuda_ops.cuda.driver import Device
from cuda_ops.cuda.engine import Launch, Variant
from cuda_ops.cuda.images import Images
from cuda_ops.cuda.kinds import SINGLE, empty_map, slots_of
from cuda_ops.cuda.parameters import Pack
from cuda_ops.cuda.slots import Slots
from cuda_ops.cuda.transfers import TorchPinning
from cuda_ops.toolchain import BuildError, find_compiler

STREAM = 0x7FAA00001234


class Told(ctypes.Structure):
    _fields_ = [
        ("function", ctypes.c_char * 64),
        ("blocks", ctypes.c_uint * 3),
        ("threads", ctypes.c_uint),
        ("shared_bytes", ctypes.c_uint),
        ("attribute", ctypes.c_int),
        ("attribute_value", ctypes.c_int),
        ("entered", ctypes.c_int),
        ("loaded", ctypes.c_int),
        ("stream", ctypes.c_uint64),
        ("context", ctypes.c_uint64),
        ("parameters", ctypes.c_char * 16),
    ]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    try:
        compiler = find_compiler()
    except BuildError as error:
        pytest.skip(str(error))
    made = tmp_path_factory.mktemp("driver") / "pretend_driver.so"
    source = Path(__file__).with_name("pretend_driver.cpp")
    command = [*compiler.command, "-shared", "-fPIC", str(source), "-o", str(made)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(made))


@pytest.fixture
def told(library: ctypes.CDLL) -> Told:
    """What it was told, from now on."""
    record = Told.in_dll(library, "told")
    ctypes.memset(ctypes.addressof(record), 0, ctypes.sizeof(record))
    return record


@pytest.fixture
def device(library: ctypes.CDLL, told: Told, monkeypatch: pytest.MonkeyPatch) -> Device:
    monkeypatch.setattr(Device, "stream", lambda _: STREAM)
    return Device(0, Driver(library), lambda variant, architecture: b"image of sm_90\0")


def test_a_device_says_what_it_is(device: Device) -> None:
    assert (device.architecture, device.processors, device.shared_bytes) == (90, 132, 232448)


def test_a_launch_has_its_blocks_parameters_and_stream(device: Device, told: Told) -> None:
    kernel = device.load(Variant("maps", "pack_kernel"))
    assert told.function == b"pack_kernel"
    assert (told.attribute, told.attribute_value) == (8, 232448)  # the most shared memory
    kernel(Launch((7, 5, 3), 96, 4096), Pack(source=0x7F1122334455, out=0x7F6677889900))
    assert [*told.blocks] == [7, 5, 3]
    assert (told.threads, told.shared_bytes, told.stream) == (96, 4096, STREAM)
    given = ctypes.string_at(ctypes.addressof(told) + Told.parameters.offset, 16)
    assert given == (0x7F1122334455).to_bytes(8, "little") + (0x7F6677889900).to_bytes(8, "little")


def test_a_kernel_is_loaded_once_and_each_thread_enters_once(device: Device, told: Told) -> None:
    def launch() -> None:
        for _ in range(3):
            device.load(Variant("maps", "pack_kernel"))(Launch((1, 1, 1), 32), Pack())

    launch()
    thread = threading.Thread(target=launch)
    thread.start()
    thread.join()
    assert told.loaded == 1
    assert told.entered == 2
    assert told.context == 0x7FFF00000000 + 40


def test_a_kernel_that_is_there_waits_for_no_other(library: ctypes.CDLL, told: Told) -> None:
    compiling, may_go_on = threading.Event(), threading.Event()

    def image(variant: Variant, architecture: int) -> bytes:
        if variant.kernel == "paint_kernel":
            compiling.set()
            may_go_on.wait(60)
        return b"image of sm_90\0"

    device = Device(0, Driver(library), image)
    known = device.load(Variant("maps", "pack_kernel"))
    other = threading.Thread(target=device.load, args=(Variant("maps", "paint_kernel"),))
    other.start()
    assert compiling.wait(60)
    assert device.load(Variant("maps", "pack_kernel")) is known
    assert other.is_alive()
    may_go_on.set()
    other.join()


def test_whoever_cannot_wait_gets_a_kernel_later(device: Device) -> None:
    variant = Variant("maps", "pack_kernel")
    assert device.ready(variant) is None
    ends = time.monotonic() + 30
    while device.ready(variant) is None:
        assert time.monotonic() < ends
        time.sleep(0.01)
    assert device.ready(variant) is device.load(variant)


def test_what_fails_says_which_call_and_why(device: Device) -> None:
    kernel = device.load(Variant("maps", "pack_kernel"))
    with pytest.raises(DriverError, match=r"cuLaunchKernel: invalid argument \(1\)"):
        kernel(Launch((0, 1, 1), 32), Pack())


def test_memory_that_cannot_be_pinned_is_no_error_of_the_next_kernel(
    library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver, which knows no such call here, is asked; and nobody hears of it but the caller."""
    monkeypatch.setattr(Driver, "find", lambda: Driver(library))
    pinning = TorchPinning(torch.device("cuda", 0))
    assert not pinning.register(0x7F0000000000, 4096)
    pinning.unregister(0x7F0000000000)


def test_a_machine_without_a_device_has_no_driver(
    library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = ctypes.c_int.in_dll(library, "fails_with")
    failing.value = 100
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    try:
        with pytest.raises(DriverError, match=r"no CUDA driver .*no device.*; install"):
            Driver.find()
    finally:
        failing.value = 0


class _Compiler:
    name = "a compiler"

    def __call__(self, variant: Variant, architecture: int) -> bytes:
        return b"image\0"


@pytest.fixture
def without_compiler(
    library: ctypes.CDLL, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A machine with a device and no compiler; where it keeps machine code."""

    def missing() -> images.Compiler:
        raise BuildError("no NVRTC; install it")

    monkeypatch.setattr(devices, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(images, "find_compiler", missing)
    monkeypatch.setattr(Driver, "find", lambda: Driver(library))
    monkeypatch.delenv("PERFORMER_KERNELS", raising=False)
    return tmp_path


def _find() -> Found:
    return devices.find.__wrapped__(0)


def _keep(folder: Path, variant: Variant, architecture: int) -> None:
    """What a machine with a compiler leaves behind."""
    made = Images(folder)
    made.compiler = _Compiler()
    made(variant, architecture)


def test_kernels_that_are_kept_play_without_any_compiler(without_compiler: Path) -> None:
    kept = Variant("maps", "pack_kernel")
    _keep(without_compiler, kept, 90)
    device, line = _find()
    assert line == "kept for sm_90, and no others (no NVRTC; install it)"
    assert device is not None
    assert device.load(kept) is device.ready(kept)
    with pytest.raises(BuildError, match="no NVRTC"):
        device.load(Variant("frames", "rgba_kernel"))


def test_without_a_compiler_and_kernels_for_it_a_device_plays_none(without_compiler: Path) -> None:
    _keep(without_compiler, Variant("maps", "pack_kernel"), 75)
    assert _find() == (None, "no NVRTC; install it")


def test_what_other_sources_left_behind_is_none(without_compiler: Path) -> None:
    (without_compiler / f"maps-sm_90-{'0' * 8}-{'0' * 20}.cubin").write_bytes(b"old")
    assert _find() == (None, "no NVRTC; install it")


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is told from now on."""
    told: list[str] = []
    monkeypatch.setattr(devices, "_failures", told)
    return told


@pytest.fixture
def unconverted(without_compiler: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A picture on a device for which another kernel than that of frames is kept."""
    _keep(without_compiler, Variant("maps", "pack_kernel"), 90)
    found = _find()
    monkeypatch.setattr(devices, "find", lambda index: found)
    return SimpleNamespace(device=torch.device("cuda", 0))


def _until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_kernel_that_does_not_load_costs_no_graph(
    failures: list[str], unconverted: SimpleNamespace
) -> None:
    with recording.rehearsing():
        assert operators.rgba(unconverted) is None
    assert failures == ["BuildError: no NVRTC; install it"]


def test_a_kernel_that_does_not_load_beside_a_frame_is_told_once(
    failures: list[str], unconverted: SimpleNamespace
) -> None:
    _until(lambda: operators.rgba(unconverted) is None and bool(failures))
    assert operators.rgba(unconverted) is None
    assert failures == ["BuildError: no NVRTC; install it"]


def test_bends_whose_kernels_do_not_load_are_told_once_and_asked_for_no_more(
    without_compiler: Path, failures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _keep(without_compiler, maps.variant("finish_kernel", SINGLE), 90)
    device = _find().device
    assert device is not None
    bends = [
        Slots(device, SINGLE, empty_map(SINGLE, 8, (3, 4), torch.device("cpu")), slots_of(5))
        for _ in range(2)
    ]
    _until(lambda: not any(each.are_ready() for each in bends) and bool(failures))
    assert not any(each.are_ready() for each in bends)
    monkeypatch.setattr(device, "ready", lambda _: pytest.fail("it is known"))
    assert not any(each.are_ready() for each in bends)
    assert failures == ["BuildError: no NVRTC; install it"]


def test_kernels_can_be_switched_off(
    without_compiler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _keep(without_compiler, Variant("maps", "pack_kernel"), 90)
    monkeypatch.setenv("PERFORMER_KERNELS", "off")
    assert _find() == (None, "PERFORMER_KERNELS=off; unset it")
