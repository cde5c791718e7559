"""Presets of a whole run: saved over OSC, and there whatever dies meanwhile."""

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

from tests.rig.show import Show, free_port, playing, wait_for

SCENE = """\
performer: 1
model: {{untrained: 7, canvas: 64x64}}
source: {{kind: card}}
latent: {{kind: point, seed: 3}}
bends:
  twist: {{kind: rotate, layer: 40%}}
presets:
  dawn: {{bends.twist.angle: -60, latent.seed: 40}}
outputs:
  page: {{kind: page}}
controllers:
  osc: {{kind: osc, port: {osc}}}
map:
  - {{from: "osc /pad/1", to: morph.recall, range: [0, 1]}}
"""
ANGLE, SEED = "bends.twist.angle", "latent.seed"


class Stage:
    """A show, and a hand that speaks OSC."""

    def __init__(self, show: Show, hand: SimpleUDPClient) -> None:
        self.show = show
        self._hand = hand

    def send(self, address: str, *arguments: str | float) -> None:
        self._hand.send_message(address, list(arguments))

    def together(self, *messages: tuple[str, list[str | float]]) -> None:
        bundle = OscBundleBuilder(IMMEDIATELY)  # type: ignore[no-untyped-call]
        for address, arguments in messages:
            message = OscMessageBuilder(address)
            for each in arguments:
                message.add_arg(each)
            bundle.add_content(message.build())
        self._hand.send(bundle.build())

    def reaches(self, angle: float, seconds: float = 15.0) -> bool:
        def there() -> bool:
            with contextlib.suppress(OSError):  # the page is away for a moment
                return abs(self.show.value(ANGLE) - angle) < 1e-6
            return False

        return bool(wait_for(there, seconds))

    def kill(self, name: str) -> None:
        """Kill a process that has settled, and wait for the one that comes after."""
        time.sleep(3)  # a death too soon after the start is counted otherwise
        pid = self.show.children()[name]
        psutil.Process(pid).send_signal(signal.SIGKILL)
        assert wait_for(lambda: self.show.children().get(name, pid) != pid, 30)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    port = free_port()
    (tmp_path / "scene.yaml").write_text(SCENE.format(osc=port), encoding="utf-8")
    env = {"XDG_DATA_HOME": str(tmp_path / "data")}
    with (
        playing(tmp_path / "scene.yaml", env=env) as show,
        SimpleUDPClient("127.0.0.1", port) as hand,
    ):
        yield Stage(show, hand)


def test_presets_are_there_whatever_dies(stage: Stage, tmp_path: Path) -> None:
    stage.send("/bends/twist/angle", 50.0)
    assert stage.reaches(50)
    stage.send("/preset/save", "mine")
    stage.send("/preset/recall", "dawn")
    assert stage.reaches(-60)
    assert stage.show.value(SEED) == 40
    stage.send("/preset/recall", "mine")
    assert stage.reaches(50)
    assert stage.show.value(SEED) == 3
    folder = tmp_path / "data/performer/presets"

    def kept() -> list[str]:
        return [each.read_text() for each in folder.glob("scene-*.json")]

    assert wait_for(lambda: ['"mine"' in text for text in kept()] == [True]), kept()

    stage.send("/pad/1", 1.0)  # as a pad of any controller does
    assert stage.reaches(-60)
    stage.kill("control")
    assert wait_for(lambda: stage.send("/preset/recall", "mine") or stage.reaches(50, 0.5), 30)

    stage.send("/preset/recall", "dawn", 30.0)
    assert wait_for(lambda: stage.show.value("morph.position") > 0.05)
    stage.kill("render")
    assert stage.reaches(-60, 60)  # the recall went on, and arrived
    stage.send("/preset/revert")
    assert stage.reaches(50)


def test_a_bundle_with_a_recall_lands_whole_and_its_order_counts(stage: Stage) -> None:
    stage.together(("/preset/recall", ["dawn"]), ("/bends/twist/angle", [12.0]))
    assert stage.reaches(12)
    assert stage.show.value(SEED) == 40
    stage.send("/preset/recall", "dusk")
    said = "/preset/recall cannot be done: there is no preset dusk; there are dawn"

    def lines() -> list[str]:
        osc = stage.show.status()["controllers"]["osc"]
        return [*osc["said"]]

    assert wait_for(lambda: said in lines()), lines()
