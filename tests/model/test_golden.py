"""Networks from published files compute what the systems that made them compute."""

from pathlib import Path

import pytest

from tests.model import golden

OWN = Path(__file__).parents[1] / "golden"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "array" in metafunc.fixturenames:
        folder = metafunc.config.getoption("--golden", OWN)
        found = [(model, name) for model in golden.models(folder) for name in model.reached]
        names = [f"{model.name}:{name}" for model, name in found]
        metafunc.parametrize(("fixtures", "array"), found, ids=names)


def test_a_golden_array_is_met_within_its_tolerance(fixtures: golden.Model, array: str) -> None:
    assert fixtures.error(array) <= fixtures.tolerance(array)
