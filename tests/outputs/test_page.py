"""The preview: a small JPEG with its stamps, made only while somebody looks."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from performer.doors.frames import Frame
from performer.doors.status import StatusDoor
from performer.errors import MissingPartError, PerformerError
from performer.outputs.page import PREVIEW_HEADER, Page
from tests.outputs.making import GREEN, RED, YELLOW, frame, quarters

Show = Callable[..., tuple[int, bytes]]


@pytest.fixture
def show(tmp_path: Path) -> Iterator[Show]:
    """Writes a frame to a page with so many viewers, and gives what is on the board then."""
    StatusDoor.create(tmp_path / "preview", 1 << 20)
    board = StatusDoor(tmp_path / "preview")

    def write(shown: Frame, viewers: int = 1, **settings: float) -> tuple[int, bytes]:
        page = Page(Page.Settings.model_validate({"kind": "page", **settings}))
        page.attach(board, lambda: viewers)
        page.open()
        page.write(shown)
        page.close()
        return board.read_bytes()

    yield write
    board.close()


def picture(text: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return np.asarray(Image.open(io.BytesIO(text[PREVIEW_HEADER.size :])))


def test_the_header_is_of_32_bytes_and_says_which_frame_it_is(show: Show) -> None:
    shown = Frame(2**40, quarters(30, 40), 1.0, captured=12.5, published=13.25)
    _, text = show(shown)
    assert PREVIEW_HEADER.size == 32
    assert PREVIEW_HEADER.unpack_from(text) == (2**40, 12.5, 13.25, 40, 30)


def test_the_picture_is_upright_and_has_its_colours(show: Show) -> None:
    _, text = show(frame(1, quarters(64, 96)))
    small = picture(text)
    assert small.shape == (64, 96, 3)
    assert np.abs(small[10, 10].astype(int) - RED).max() < 8
    assert np.abs(small[10, 80].astype(int) - GREEN).max() < 8
    assert np.abs(small[50, 80].astype(int) - YELLOW).max() < 8


@pytest.mark.parametrize("shape", [(720, 1280), (1280, 720), (513, 513), (100, 700)])
def test_a_large_frame_is_made_smaller_than_size_and_keeps_its_shape(
    show: Show, shape: tuple[int, int]
) -> None:
    _, text = show(frame(1, quarters(*shape)), size=512)
    height, width = picture(text).shape[:2]
    assert 256 <= max(height, width) <= 512
    assert abs(height / width - shape[0] / shape[1]) < 0.02


def test_nothing_is_encoded_while_nobody_looks(show: Show) -> None:
    assert show(frame(1, quarters(8, 8)), viewers=0) == (0, b"")


def test_the_better_quality_is_the_larger_file(show: Show) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 4), np.uint8)
    _, coarse = show(frame(1, noise), quality=20)
    _, fine = show(frame(2, noise), quality=90)
    assert len(fine) > len(coarse)


def test_a_second_page_output_rests_with_a_line() -> None:
    with pytest.raises(MissingPartError, match="remove the other"):
        Page(Page.Settings()).open()


def test_a_preview_that_does_not_fit_its_board_says_what_to_do(tmp_path: Path) -> None:
    StatusDoor.create(tmp_path / "small", 100)
    board = StatusDoor(tmp_path / "small")
    page = Page(Page.Settings())
    page.attach(board, lambda: 1)
    with pytest.raises(PerformerError, match="smaller size"):
        page.write(frame(1, quarters(64, 64)))
    board.close()


def test_a_thrifty_preview_is_half_as_large_and_half_as_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("performer.outputs.page.time.monotonic", lambda: now[0])
    StatusDoor.create(tmp_path / "preview", 1 << 20)
    board = StatusDoor(tmp_path / "preview")
    thrifty = [False]
    page = Page(Page.Settings(size=64))
    page.attach(board, lambda: 1, lambda: thrifty[0])

    def sizes(frames: int) -> list[int]:
        written = []
        for number in range(frames):
            now[0] += 1 / 30
            before, _ = board.read_bytes()
            page.write(frame(number + 1, quarters(128, 64)))
            after, text = board.read_bytes()
            if after != before:
                written.append(picture(text).shape[0])
        return written

    assert sizes(30) == [64] * 30
    thrifty[0] = True
    now[0] += 1
    assert sizes(30) == [32] * 15
    board.close()


def test_a_held_frame_is_shown_again_but_not_encoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = []
    monkeypatch.setattr(
        "performer.outputs.page.jpeg", lambda *arguments: (encoded.append(1), b"jpeg")[1]
    )
    StatusDoor.create(tmp_path / "preview", 1 << 20)
    board = StatusDoor(tmp_path / "preview")
    page = Page(Page.Settings())
    page.attach(board, lambda: 1)
    shown = frame(1, quarters(8, 8))
    numbers = set()
    for held in (0.0, 0.1, 0.2):
        page.write(replace(shown, held_seconds=held))
        numbers.add(board.read_bytes()[0])
    assert (len(encoded), len(numbers)) == (1, 3)
    board.close()
