"""What a page hears and what it can do, over a WebSocket to a running control process."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from performer.outputs.page import PREVIEW_HEADER
from performer.playbill import Playbill
from performer.prompter import Prompter
from performer.shelf import Shelf
from performer.web import viewers
from performer.web.address import loopback
from performer.web.instrument import Instrument
from performer.web.server import application, make_server
from performer.web.viewers import MOST_VIEWERS, Viewers
from tests.web.pretend import SCENE, Pretended
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
    assert len(numbers) >= 0.5 * len(shown)  # the machine may be busy


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
        assert newest - PREVIEW_HEADER.unpack_from(data)[0] < 30  # a queue would be 45 behind


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


def test_a_scene_with_hundreds_of_problems_leaves_room_for_the_rest(tmp_path: Path) -> None:
    values = ", ".join(f"bends.{name}: 0.5" for name in ("drift.x", "drift.y", "glow.factor"))
    preset = f"{values}, bends.drift.mix: 0.5, bends.glow.mix: 0.5"
    presets = "".join(f"  preset {number} of a long show: {{{preset}}}\n" for number in range(64))
    with Pretended(tmp_path, f"{SCENE}presets:\n{presets}") as run, Serving(run) as control:
        file = Path(run.scene.origin)
        text = file.read_text()
        file.write_text(text.replace("  glow:", "  shine:").replace("  drift:", "  away:"))
        with control.socket() as link:
            while not (problems := _hear(link, "status", 20)["problems"]):
                pass
            assert len(problems) == 21
            assert problems[-1] == "and 302 more"  # with two macros
            file.write_text(text.replace("  glow:", f"  {'g' * 1000}:"))
            while len(problems := _hear(link, "status", 20)["problems"]) != 1:
                pass
            assert len(problems[0]) == 303
        assert run.control_says()["page"] == control.url


def test_a_page_that_stops_reading_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewers, "_PATIENCE_SECONDS", 0.3)
    with Pretended(tmp_path) as run:
        asyncio.run(_freeze_a_page(run))


async def _freeze_a_page(run: Pretended) -> None:
    instrument = Instrument(run.folder)
    shelf = Shelf(run.folder, instrument)
    pages = Viewers(instrument, Prompter(Playbill(run.folder.scene), run.scene, Path()), shelf)
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as frozen:
        address = loopback(listening.getsockname()[1])
        server = make_server(application(pages, dict, shelf.picture, address))
        serving = asyncio.create_task(server.serve([listening]))
        frozen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        frozen.connect(listening.getsockname())
        frozen.sendall(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{address.port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        await _for(lambda: pages.looking == 1)
        pages.tell_status({"type": "status", "line": "x" * 10_000_000})
        await asyncio.sleep(0.1)
        pages.tell_status({"type": "status", "line": "what nobody reads"})
        await _for(lambda: pages.looking == 0)
        frozen.close()
        server.stop()
        await serving
    shelf.close()
    instrument.close()


async def _for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


def test_it_ends_at_once_although_a_page_is_open(tmp_path: Path) -> None:
    with Pretended(tmp_path) as run, Serving(run) as own, own.socket() as link:
        _hear(link, "scene")
        assert own.stop() < 2  # 0.2 where the machine is not busy
