"""Which golden fixtures are compared: our own few, or a whole folder."""

from pathlib import Path

import pytest

OWN = Path(__file__).parents[1] / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden",
        type=Path,
        default=OWN,
        help="a folder of golden fixtures laid out as tests/golden (pytest tests/model --golden …)",
    )
