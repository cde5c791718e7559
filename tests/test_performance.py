"""A scene made ready: its parts fit each other while it plays."""

from pathlib import Path

from performer import offline, reading
from performer.clock import Moment
from performer.doors.changes import Change
from performer.loop import Loop
from tests.sources.films import BUNNY


def seen(loop: Loop, seconds: float, changes: dict[str, float]) -> tuple[int, int]:
    """How large (height, width) the source's picture is in a frame with these changes."""
    places = loop.parameters.table.places
    moment = Moment(0, seconds, 0.0, 0.1)
    asked = [Change(places[name], value) for name, value in changes.items()]
    snapshot = loop.parameters.advance(moment, asked)
    height, width, _ = loop.source.at(moment, snapshot.under("source")).pixels.shape
    return height, width


def test_the_source_follows_the_canvas_while_it_plays(tmp_path: Path) -> None:
    file = tmp_path / "scene.yaml"
    file.write_text(
        "performer: 1\n"
        "model: {untrained: 7, canvas: 64x64}\n"
        f"source: {{kind: video, file: {BUNNY}}}\n"
    )
    with offline.rehearsal(reading.read(str(file))) as (loop, _):
        small = seen(loop, 0.0, {})
        large = seen(loop, 1.0, {"model.width": 256, "model.height": 256})
        again = seen(loop, 2.0, {"model.width": 64, "model.height": 64})
    assert min(large) >= 256
    assert small == again < large
