"""The screen that windows are drawn on."""

from collections.abc import Iterator

import pytest

from tests.rig import display as rig
from tests.rig.display import Display


@pytest.fixture(scope="module")
def screen(request: pytest.FixtureRequest) -> Iterator[Display]:
    """Of the ``WIDTH`` and ``HEIGHT`` of the module that asks."""
    if rig.MISSING:
        pytest.skip(f"no screen to draw on here: {rig.MISSING}")
    with rig.display(request.module.WIDTH, request.module.HEIGHT) as screen:
        yield screen
