"""What tests of several rooms share."""

import shutil

import pytest

from cuda_ops.toolchain import BuildError, find_compiler
from tests.cuda_ops.emulation.engine import Emulator


@pytest.fixture(scope="session")
def emulator(request: pytest.FixtureRequest) -> Emulator:
    """CUDA's kernels on the processor; what is compiled is kept for as long as its sources stay."""
    try:
        compiler = find_compiler()
    except BuildError as error:
        pytest.skip(str(error))
    if "clang" in compiler.version and shutil.which("g++") is None:
        pytest.skip("the emulator is compiled by g++ alone")
    return Emulator(request.config.cache.mkdir("cuda"))
