"""Hands nobody here made move a parameter of a whole run, and the picture changes."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.rig import jack
from tests.rig.browser import Browser
from tests.rig.ndi import MISSING, loopback, receiving
from tests.rig.osc import oscsend, require
from tests.rig.preview import difference, picture
from tests.rig.show import Show, free_port, playing, wait_for

SCENE = """\
performer: 1
model: {{untrained: 7, canvas: 128x128}}
source: {{kind: image, file: still.png}}
latent: {{seeds: [7, 21], speed: 0}}
bends:
  twist: {{kind: rotate, layer: 60%}}
  glow: {{kind: multiply, layer: 20%}}
post:
  grade: {{kind: levels}}
outputs:
  page: {{kind: page}}
  wall: {{kind: ndi, name: {ndi}, standby: false}} # alone: without avahi, senders may hide each other
controllers:
  osc: {{kind: osc, port: {osc}}}
  knobs: {{kind: midi, backend: jack, port: "nanoKONTROL2*", profile: nanokontrol2}}
map:
  - {{from: "osc /1/fader1", to: bends.twist.angle, range: [-180, 180]}}
  - {{from: "knobs slider1", to: bends.twist.angle, range: [-180, 180], glide_seconds: 0}}
"""
PD = """\
#N canvas 0 0 450 300 12;
#X obj 20 20 loadbang;
#X msg 20 50 connect 127.0.0.1 {port};
#X obj 120 50 delay 100;
#X msg 120 80 0.875;
#X obj 120 110 oscformat 1 fader1;
#X obj 120 140 list prepend send;
#X obj 120 170 list trim;
#X obj 20 200 netsend -u -b;
#X connect 0 0 1 0;
#X connect 0 0 2 0;
#X connect 1 0 7 0;
#X connect 2 0 3 0;
#X connect 3 0 4 0;
#X connect 4 0 5 0;
#X connect 5 0 6 0;
#X connect 6 0 7 0;
"""
STILL = 2.0  # of 255: the most that JPEG makes of a picture that stands still
CHANGED = 8.0
NAME = f"Hands {os.getpid()}"


@pytest.fixture(scope="module")
def osc_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def stage(
    tmp_path_factory: pytest.TempPathFactory, osc_port: int
) -> Iterator[tuple[Show, jack.Device, dict[str, str]]]:
    """One run for all hands, with a MIDI controller on a JACK server and NDI on the loopback."""
    folder = tmp_path_factory.mktemp("hands")
    noise = np.random.default_rng(3).integers(0, 255, (6, 6, 3), np.uint8)
    Image.fromarray(noise).resize((256, 256), Image.Resampling.BICUBIC).save(folder / "still.png")
    (folder / "scene.yaml").write_text(SCENE.format(osc=osc_port, ndi=NAME))
    with jack.jack() as server, jack.device(server) as device:
        env = {**server.environment, **loopback(folder)}
        with playing(folder / "scene.yaml", env=env) as show:
            yield show, device, env


@pytest.fixture(autouse=True)
def at_rest(stage: tuple[Show, jack.Device, dict[str, str]], osc_port: int) -> None:
    show = stage[0]
    for name, value in (("bends.twist.angle", 0), ("bends.glow.factor", 1)):
        oscsend(osc_port, "/" + name.replace(".", "/"), "f", str(value))
        assert wait_for(lambda name=name, value=value: show.value(name) == value)


def test_a_picture_nobody_touches_stands_still(
    stage: tuple[Show, jack.Device, dict[str, str]],
) -> None:
    assert difference(picture(stage[0]), picture(stage[0])) < STILL


def test_oscsend_moves_a_parameter_and_the_picture_changes(
    stage: tuple[Show, jack.Device, dict[str, str]], osc_port: int
) -> None:
    show = stage[0]
    before = picture(show)
    oscsend(osc_port, "/bends/twist/angle", "f", "90")
    assert wait_for(lambda: show.value("bends.twist.angle") == 90)
    assert difference(before, picture(show)) > CHANGED


def test_pure_data_moves_a_mapped_fader_and_the_picture_changes(
    stage: tuple[Show, jack.Device, dict[str, str]], osc_port: int, tmp_path: Path
) -> None:
    show = stage[0]
    before = picture(show)
    patch = tmp_path / "send.pd"
    patch.write_text(PD.format(port=osc_port))
    program = require("pd", "puredata-core")
    pd = subprocess.Popen([program, "-nogui", "-noaudio", "-nomidi", str(patch)])
    try:
        assert wait_for(lambda: show.value("bends.twist.angle") == pytest.approx(135))
    finally:
        pd.terminate()
        pd.wait()
    assert difference(before, picture(show)) > CHANGED


def test_a_midi_slider_moves_a_parameter_and_the_picture_changes(
    stage: tuple[Show, jack.Device, dict[str, str]],
) -> None:
    show, device, _ = stage
    assert wait_for(lambda: show.status()["controllers"]["knobs"]["state"] == "connected")
    before = picture(show)
    device.send(0xB0, 0, 96)
    assert wait_for(lambda: show.value("bends.twist.angle") == pytest.approx(96 / 127 * 360 - 180))
    assert difference(before, picture(show)) > CHANGED


def test_a_slider_of_the_page_moves_and_the_picture_changes(
    stage: tuple[Show, jack.Device, dict[str, str]],
) -> None:
    show = stage[0]
    with Browser() as browser:
        page = browser.page(show.url)
        page.wait("document.getElementById('preview').width === 128")
        sample = "document.getElementById('preview').toDataURL()"
        page.wait("document.getElementById('curtain').hidden")
        before = page.evaluate(sample)
        page.drag('.slider[aria-label="bends.twist angle"]', 0.5, 0.8)
        assert wait_for(lambda: show.value("bends.twist.angle") > 60)
        page.wait(f"{sample} !== {before!r}")


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_an_independent_ndi_receiver_gets_the_frames(
    stage: tuple[Show, jack.Device, dict[str, str]],
) -> None:
    with receiving(NAME, stage[2]) as got:
        assert wait_for(lambda: len(got) > 20, 20)
    assert got[-1]["size"] == [128, 128]
    assert any(max(colour) > 20 for colour in got[-1]["colours"]), "it is black"
