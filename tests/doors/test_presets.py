from pathlib import Path

import numpy as np
import pytest

from performer.doors.presets import MOST_PRESETS, WALKS, PresetsDoor
from performer.doors.status import NUMBERS

ROWS = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, 0.5]])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    PresetsDoor.create(tmp_path / "presets")
    return tmp_path / "presets"


def test_rows_are_news_once(path: Path) -> None:
    control, render = PresetsDoor(path), PresetsDoor(path)
    assert render.news(1) is None
    control.write(ROWS, 1)
    found = render.news(1)
    assert found is not None
    np.testing.assert_array_equal(found, ROWS)
    assert render.news(1) is None


def test_rows_of_another_scene_are_no_news_until_it_plays(path: Path) -> None:
    control, render = PresetsDoor(path), PresetsDoor(path)
    control.write(ROWS, 2)
    assert render.news(1) is None
    assert render.news(2) is not None


def test_a_render_that_comes_back_finds_them(path: Path) -> None:
    PresetsDoor(path).write(ROWS, 1)
    assert PresetsDoor(path).news(1) is not None


def test_a_control_that_died_while_writing_is_followed_by_another(path: Path) -> None:
    dying, render = PresetsDoor(path), PresetsDoor(path)
    dying._words[0] = 1  # as it is in the middle of its writing
    assert render.news(1) is None
    PresetsDoor(path).write(ROWS, 1)
    assert render.news(1) is not None


def test_there_is_room_for_the_largest_scene(path: Path) -> None:
    largest = np.full((MOST_PRESETS, NUMBERS + WALKS), 2.0)
    PresetsDoor(path).write(largest, 1)
    found = PresetsDoor(path).news(1)
    assert found is not None
    assert (found == largest).all()


def test_none_at_all_are_news_too(path: Path) -> None:
    PresetsDoor(path).write(np.zeros((0, 5)), 1)
    found = PresetsDoor(path).news(1)
    assert found is not None
    assert found.shape == (0, 5)
