"""The CUDA sources compile for every device from sm_75 on, by NVRTC and by nvcc, without any device."""

import os
import re
import shutil
from pathlib import Path

import pytest
import torch

from cuda_ops.cpu.filters import Separable
from cuda_ops.cuda import filtered_lrelu, images, nvrtc
from cuda_ops.cuda.bend_kernels import KERNELS
from cuda_ops.cuda.engine import SOURCES, Variant
from cuda_ops.cuda.filtered_lrelu import Filters
from cuda_ops.cuda.images import Images, NvccCompiler, NvrtcCompiler, key
from cuda_ops.cuda.kinds import BFLOAT, HALF, KINDS, SINGLE, WIDE_HALF, Kind
from cuda_ops.cuda.tuning import Choices
from cuda_ops.cuda.upfirdn2d import ELEMENTS
from cuda_ops.toolchain import BuildError

ELF = b"\x7fELF"
OLDEST, BETWEEN, NEWEST = 75, 90, 120
ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)


class _Large:
    """A device with room for every cut."""

    processors, shared_bytes, literal, choices = 132, 227 << 10, True, Choices()


def _filtered(kind: Kind, factor: int, rank: int, *, has_skip: bool = False) -> Variant:
    """What a device loads for a layer of 512 channels."""
    taps, products = torch.rand(6 * factor), torch.rand(rank, 12)
    down = Separable(products, products)
    filters = Filters(factor, taps, down, {2: 9, 4: -6}[factor], 0.2, 256.0)
    cut = filtered_lrelu.chosen(kind, filters, 512, (148, 148), _Large())
    return filtered_lrelu.variant(_Large(), kind, filters, has_skip, 32, cut)


SMALL = [
    Variant("styles", "affine_kernel"),
    Variant("frames", "uyvy_kernel"),
    *(
        Variant("upfirdn2d", "upfirdn2d_kernel", (("ELEMENT", element),))
        for element in ELEMENTS.values()
    ),
    *(
        Variant(source, kernel, (("KIND", kind),))
        for source, kernel in (
            ("maps", "finish_kernel"),
            *{source: kernel for kernel, source in KERNELS.items()}.items(),  # one of each
        )
        for kind in ("WideHalfKind", "SingleKind", "BfloatKind")
    ),
]
LARGE = [
    _filtered(HALF, 2, 1),
    _filtered(HALF, 4, 2),
    _filtered(HALF, 2, 1, has_skip=True),
    _filtered(WIDE_HALF, 4, 1, has_skip=True),
    _filtered(SINGLE, 2, 3),
    _filtered(BFLOAT, 4, 1),
]
ALL = [*SMALL, *LARGE]


def _kernels(source: str) -> set[str]:
    """All that a file of `SOURCES` declares."""
    return set(re.findall(r"^KERNEL\((\w+),", (SOURCES / f"{source}.cu").read_text("utf-8"), re.M))


def test_what_is_compiled_here_is_every_source_in_every_kind_and_beside_a_skip() -> None:
    assert {each.source for each in ALL} == {file.stem for file in SOURCES.glob("*.cu")}
    filtered = [dict(each.defines) for each in LARGE]
    assert {each["KIND"] for each in filtered} == {kind.name for kind in KINDS}
    assert {(each["UP"], each["SKIP"]) for each in filtered} == {(2, 0), (2, 1), (4, 0), (4, 1)}


@pytest.fixture(scope="module")
def by_nvrtc() -> NvrtcCompiler:
    try:
        return NvrtcCompiler(nvrtc.find())
    except BuildError as error:
        pytest.skip(f"{error} (90 MB, and no part of the dev extra for that)")


@pytest.fixture(scope="module")
def by_nvcc() -> NvccCompiler:
    program = shutil.which("nvcc")
    if program is None:
        pytest.skip("no nvcc; install NVIDIA's CUDA toolkit")
    return NvccCompiler(program)


@pytest.mark.parametrize("architecture", [OLDEST, BETWEEN, NEWEST])
@pytest.mark.parametrize("variant", ALL, ids=lambda variant: variant.source)
def test_nvrtc_compiles_without_any_header(
    by_nvrtc: NvrtcCompiler, variant: Variant, architecture: int
) -> None:
    image = by_nvrtc(variant, architecture)
    assert image.startswith(ELF)
    assert all(kernel.encode() in image for kernel in _kernels(variant.source))


def test_nvrtc_says_the_first_error(by_nvrtc: NvrtcCompiler) -> None:
    broken = Variant("filtered_lrelu", "filtered_lrelu_kernel", (("KIND", "HalfKind"),))
    with pytest.raises(BuildError, match=r"NVRTC \d+\.\d+: kernel.cu\(\d+\): error: identifier"):
        by_nvrtc(broken, OLDEST)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_nvcc_compiles_for_every_architecture(by_nvcc: NvccCompiler, architecture: int) -> None:
    assert by_nvcc(LARGE[0], architecture).startswith(ELF)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("variant", ALL, ids=lambda variant: variant.source)
def test_nvcc_compiles_every_source(by_nvcc: NvccCompiler, variant: Variant) -> None:
    image = by_nvcc(variant, BETWEEN)
    assert image.startswith(ELF)
    assert all(kernel.encode() in image for kernel in _kernels(variant.source))


def test_nvcc_says_what_is_wrong(by_nvcc: NvccCompiler) -> None:
    with pytest.raises(BuildError, match=r"nvcc: .*error"):
        by_nvcc(Variant("maps", "finish_kernel"), NEWEST)


class _Counting:
    name = "a compiler that counts"

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, variant: Variant, architecture: int) -> bytes:
        self.asked += 1
        return f"{variant.kernel} for {architecture}".encode()


@pytest.fixture
def kept(tmp_path: Path) -> Images:
    made = Images(tmp_path / "cuda")
    made.compiler = _Counting()
    return made


def test_what_was_compiled_needs_no_compiler_again(kept: Images, tmp_path: Path) -> None:
    assert kept(SMALL[0], 90) == kept(SMALL[0], 90) == b"affine_kernel for 90"
    assert kept.compiler.asked == 1
    again = Images(tmp_path / "cuda")
    again.compiler = None
    assert again(SMALL[0], 90) == b"affine_kernel for 90"


def test_another_source_macro_or_architecture_is_another_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = SMALL[-1]
    keys = {key(variant, 90), key(variant, 89), key(variant._replace(defines=()), 90)}
    copied = tmp_path / "sources"
    shutil.copytree(SOURCES, copied)
    with (copied / "numbers.cuh").open("a") as file:
        file.write("\n")
    monkeypatch.setattr(images, "SOURCES", copied)
    assert len({*keys, key(variant, 90)}) == 4


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_costs_only_time(kept: Images, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert kept(SMALL[0], 90)
    tmp_path.chmod(0o700)


def test_a_machine_without_any_compiler_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nvrtc, "candidates", lambda: iter(()))
    monkeypatch.setattr(nvrtc.ctypes.util, "find_library", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(BuildError, match="no NVRTC; pip install nvidia-cuda-nvrtc"):
        images.find_compiler()
