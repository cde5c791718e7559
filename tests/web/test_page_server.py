"""What a page hears and what it can do, over a WebSocket to a running control process."""

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from performer.outputs.page import PREVIEW_HEADER
from performer.web.viewers import MOST_VIEWERS
from tests.web.pretend import Pretended
from tests.web.serving import Serving


def _hear(link: ClientConnection, kind: str, seconds: float = 5.0) -> dict[str, Any]:
    """The next message of a kind."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        data = link.recv(max(until - time.monotonic(), 0.01))
        if isinstance(data, str) and (message := json.loads(data))["type"] == kind:
            found: dict[str, Any] = message
            return found
    raise AssertionError(f"no {kind}")


LOST = 1006  # the reason does not arrive when the server closes while we still send


def _closing_code(link: ClientConnection) -> int | None:
    """Why the server closed."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            link.recv(5)
    return link.close_code


def _until(run: Pretended, viewers: int) -> None:
    until = time.monotonic() + 5
    while run.control_says()["viewers"] != viewers:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_page_hears_the_scene_first(serving: Serving) -> None:
    with serving.socket() as link:
        first = json.loads(link.recv(5))
    assert first["type"] == "scene"
    assert first["name"] == "pretended"


def test_what_a_page_sets_arrives_as_a_change(serving: Serving, run: Pretended) -> None:
    with serving.socket() as link:
        _hear(link, "scene")
        link.send('{"set": {"bends.glow.factor": 2.5}, "glide": 0}')
        place = run.table.places["bends.glow.factor"]
        while _hear(link, "values")["changed"].get(str(place)) != 2.5:
            pass
    assert any(change.place == place and change.value == 2.5 for change in run.sent)


def test_a_wrong_message_is_answered_and_the_page_stays(serving: Serving) -> None:
    with serving.socket() as link:
        link.send('{"set": {"nobody.home": 1}}')
        assert _hear(link, "error")["line"] == "there is no parameter nobody.home"
        link.send(b"\x00\xff")
        assert _hear(link, "error")
        assert _hear(link, "status")


def test_status_comes_four_times_a_second_with_its_lamps(serving: Serving) -> None:
    with serving.socket() as link:
        _hear(link, "status")
        started = time.monotonic()
        for _ in range(4):
            message = _hear(link, "status")
        assert 0.5 < time.monotonic() - started < 2
    assert message["outputs"]["page"]["lamp"] == "good"
    assert message["processes"]["control"]["memory_mb"] > 10


def test_a_program_can_ask_for_the_status_and_every_value(serving: Serving, run: Pretended) -> None:
    status = json.loads(serving.get("/status")[1])
    assert status["outputs"]["page"]["lamp"] == "good"
    assert status["values"]["latent.truncation"] == run.value("latent.truncation")
    assert list(status["values"]) == list(run.table.places)


def test_a_page_that_says_what_it_has_seen_gets_every_preview(
    serving: Serving, run: Pretended
) -> None:
    with serving.socket() as link:
        numbers: list[int] = []
        while len(numbers) < 20:
            data = link.recv(5)
            if isinstance(data, bytes):
                numbers.append(PREVIEW_HEADER.unpack_from(data)[0])
                assert data[PREVIEW_HEADER.size :].startswith(b"\xff\xd8")
                link.send(json.dumps({"seen": numbers[-1]}))
    shown = [number for number in sorted(run.written_at) if numbers[0] <= number <= numbers[-1]]
    assert len(numbers) >= 0.8 * len(shown)  # the machine may be busy


def test_a_slow_page_skips_previews_and_never_queues(serving: Serving, run: Pretended) -> None:
    with serving.socket() as link:
        numbers: list[int] = []
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            data = link.recv(5)
            if isinstance(data, bytes):
                numbers.append(PREVIEW_HEADER.unpack_from(data)[0])
        assert len(numbers) == 2  # what may be under way, and no more
        link.send(json.dumps({"seen": numbers[-1]}))
        while isinstance(data := link.recv(5), str):
            pass
        newest = max(run.written_at)
        assert newest - PREVIEW_HEADER.unpack_from(data)[0] < 10


def test_previews_are_made_only_while_somebody_looks(serving: Serving, run: Pretended) -> None:
    _until(run, 0)
    with serving.socket() as one, serving.socket():
        _until(run, 2)
        one.send('{"visible": false}')
        _until(run, 1)
        one.send('{"visible": true}')
        _until(run, 2)
    _until(run, 0)


def test_a_page_that_talks_without_end_is_shown_out(serving: Serving) -> None:
    with serving.socket() as link:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(400):
                link.send('{"visible": true}')
        assert _closing_code(link) in (1008, LOST)


def test_a_huge_message_is_not_taken(serving: Serving) -> None:
    with serving.socket() as link:
        link.send('{"set": {"' + "a" * 100_000 + '": 1}}')
        assert _closing_code(link) in (1009, LOST)


def test_there_is_an_end_to_how_many_pages_are_served(serving: Serving) -> None:
    with contextlib.ExitStack() as pages:
        for _ in range(MOST_VIEWERS):
            pages.enter_context(serving.socket())
        with pytest.raises(InvalidStatus), serving.socket():
            pass


def test_it_ends_within_a_second_although_a_page_is_open(tmp_path: Path) -> None:
    with Pretended(tmp_path) as run, Serving(run) as own, own.socket() as link:
        _hear(link, "scene")
        assert own.stop() < 1
