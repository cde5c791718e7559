"""One pretended run and one control process for all tests of a file."""

from collections.abc import Iterator

import pytest

from tests.web.pretend import Pretended
from tests.web.serving import Serving


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pretended]:
    with Pretended(tmp_path_factory.mktemp("run")) as pretended:
        yield pretended


@pytest.fixture(scope="module")
def serving(run: Pretended) -> Iterator[Serving]:
    with Serving(run) as control:
        yield control
