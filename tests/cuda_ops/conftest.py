"""The native kernels as this machine compiles them, and for one lesser processor."""

import ctypes
import platform
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cuda_ops import build, recipe
from cuda_ops.build import Builder, BuildError
from cuda_ops.cpu import kernels
from cuda_ops.cpu.steps import FLOAT32
from cuda_ops.recipe import Recipe
from cuda_ops.toolchain import compile_flags, find_ninja, find_processor
from tests.cuda_ops.native_rig import Native

SOURCES = Path(kernels.__file__).parent
# What a variant adds to the flags for this processor; the last word on it counts.
VARIANTS = {"own": (), "AVX2": ("-march=x86-64-v3",)}


@pytest.fixture(scope="session")
def compiled(request: pytest.FixtureRequest) -> Callable[[str], ctypes.CDLL]:
    """Loads a variant of the kernels, which is compiled once for as long as its sources stay."""
    try:
        Recipe.find(SOURCES)
        find_ninja()
    except BuildError as error:
        pytest.skip(str(error))
    build.build()
    return lambda variant: _load(variant, request.config.cache.mkdir("kernels"))


def _load(variant: str, cache: Path) -> ctypes.CDLL:
    if variant == "own":
        return build.library()
    with pytest.MonkeyPatch.context() as patch:
        flags = (*compile_flags(), *VARIANTS[variant])
        patch.setattr(recipe, "compile_flags", lambda: flags)
        builder = Builder(SOURCES, cache)
        builder.build()
        return builder.now().library


@pytest.fixture(scope="session")
def libraries(compiled: Callable[[str], ctypes.CDLL]) -> dict[str, ctypes.CDLL]:
    """The variants that run here, by name."""
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    lesser = ["AVX2"] if x86 and "avx512f" in find_processor().features else []
    return {name: compiled(name) for name in ["own", *lesser]}


@pytest.fixture(params=["own single", "own half", "AVX2 single"])
def native(
    request: pytest.FixtureRequest,
    libraries: dict[str, ctypes.CDLL],
    monkeypatch: pytest.MonkeyPatch,
) -> Native:
    """The kernels of one variant play, in maps of one precision."""
    variant, precision = request.param.split()
    if variant not in libraries:
        pytest.skip(f"{variant} is the processor's own, or it has none")
    monkeypatch.setattr(build, "library", lambda: libraries[variant])
    if precision == "single":
        return Native(FLOAT32, FLOAT32, 1e-5)
    source, between = kernels.half_types()
    if source == FLOAT32:
        pytest.skip("this processor multiplies in single precision alone")
    return Native(source, between, 1e-2)


@pytest.fixture
def own(libraries: dict[str, ctypes.CDLL], monkeypatch: pytest.MonkeyPatch) -> ctypes.CDLL:
    """The kernels for this machine."""
    monkeypatch.setattr(build, "library", lambda: libraries["own"])
    return kernels.library()


@pytest.fixture
def usual_threads() -> Iterator[None]:
    """Afterwards there are as many threads as processors again."""
    usual = kernels._processors()
    yield
    kernels.set_threads(usual)


@pytest.fixture(params=["own", "AVX2"])
def any_kernels(
    request: pytest.FixtureRequest,
    libraries: dict[str, ctypes.CDLL],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The operators find the kernels of one variant."""
    if request.param not in libraries:
        pytest.skip(f"{request.param} is the processor's own, or it has none")
    monkeypatch.setattr(build, "library", lambda: libraries[request.param])
