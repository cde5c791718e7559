"""Bends in a scene: what is refused at the door, what rests, and what panic and the governor do."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from model.bends.placed import REST_FRAMES
from performer import offline, reading
from performer.doors.changes import Change
from performer.errors import SceneError
from performer.governor import BENDS
from performer.loop import Loop
from performer.offline import LastFrame
from performer.thrift import Thrift

SCENE = """\
performer: 1
model: {untrained: 7, canvas: 64x64}
source: {kind: card}
bends:
"""


def lines(tmp_path: Path, *bends: str) -> list[str]:
    """What `performer check` says of a scene with these bends."""
    file = tmp_path / "scene.yaml"
    file.write_text(SCENE + "".join(f"  b{n}: {{{bend}}}\n" for n, bend in enumerate(bends)))
    try:
        offline.check(*reading.read_in_part(str(file)))
    except SceneError as error:
        return [str(problem).replace(str(tmp_path), "DIR") for problem in error.problems]
    return []


def grey(file: Path, width: int, height: int) -> None:
    Image.fromarray(np.full((height, width), 128, np.uint8)).save(file)


def test_what_cannot_be_placed_is_said_at_its_line_with_the_mend(tmp_path: Path) -> None:
    grey(tmp_path / "wide.png", 64, 32)
    grey(tmp_path / "good.png", 32, 32)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    said = lines(
        tmp_path,
        "kind: blur, layer: L99",
        "kind: blur, layer: 2, channels: {range: [0, 9999]}",
        "kind: blur, layer: 2, channels: {cluster: 3}",
        "kind: blur, layer: 2, mask: {file: gone.png}",
        "kind: blur, layer: 2, mask: {file: broken.png}",
        "kind: blur, layer: 2, mask: {file: wide.png}",
        "kind: blur, layer: 2, mask: {file: good.png}",
        "kind: blur, layer: 2, mask: {live: dark}",
        "kind: adain, layer: 2",
        "kind: adain, layer: 2, file: broken.png",
    )
    wanted = [
        ("5: bends.b0.layer: no layer L99", ""),
        ("6: bends.b1.channels: there is no channel 9999", "channels 0"),
        ("7: bends.b2.channels: this network has no clusters yet", "performer cluster"),
        ("8: bends.b3.mask.file: there is no file DIR/gone.png", "check the path"),
        ("9: bends.b4.mask.file: DIR/broken.png cannot be read", "save it anew"),
        ("10: bends.b5.mask: wide.png is 64x32", "draw it 1 times as wide as high"),
        ("13: bends.b8.kind: has no file", "name a picture"),
        ("14: bends.b9.file: DIR/broken.png cannot be read", "save it anew"),
    ]
    assert len(said) == len(wanted), said
    for line, (what, mend) in zip(said, wanted, strict=True):
        assert f"scene.yaml:{what}" in line
        assert mend in line


@pytest.mark.parametrize(
    ("bend", "line"),
    [
        (
            "kind: blur, layer: 2, channels: some",
            "bends.b0.channels: 'some' is not one of its values; use all, {range: [0, 31]}, ",
        ),
        (
            "kind: blur, layer: 2, channels: {range: [5, 2]}",
            "bends.b0.channels: the first channel comes after the last; write the smaller one",
        ),
        (
            "kind: blur, layer: 2, channels: {range: [0, -2]}",
            "bends.b0.channels.range.1: -2 is too small; use 0 or more",
        ),
        (
            "kind: blur, layer: 2, channels: {fraction: 0.2, sed: 7}",
            "bends.b0.channels.sed: is not a field here; did you mean seed?",
        ),
        (
            "kind: blur, layer: 2, channels: {cluster: 5, of: 4}",
            "bends.b0.channels: there are clusters 0 … 3, and no 5; choose one of them",
        ),
        (
            "kind: blur, layer: 2, mask: {live: red}",
            "bends.b0.mask.live: 'red' is not one of its values; use 'bright' or 'dark'",
        ),
        (
            "kind: blur, layer: 2, mask: {}",
            "bends.b0.mask: {} is not one of its values; use {file: circle.png}, {live: bright}",
        ),
        (
            "kind: blur, layer: 2, mask: {file: gone.png}",
            "bends.b0.mask.file: there is no file DIR/gone.png; check the path",
        ),
        (
            "kind: blur, layer: [2]",
            "bends.b0.layer: [2] is not one of its values; use the name of a layer, its number,",
        ),
        ("kind: rotate, layer: 2, border: round", "bends.b0.border: 'round' is not one of"),
        ("kind: erode, layer: 2, radius: 3", "bends.b0.radius: 3 is too large"),
    ],
)
def test_what_a_bend_cannot_mean_is_refused(tmp_path: Path, bend: str, line: str) -> None:
    (said,) = lines(tmp_path, bend)
    assert said.startswith(f"DIR/scene.yaml:5: {line}")


@contextlib.contextmanager
def playing(bends: dict[str, Any], **sections: Any) -> Iterator[tuple[Loop, LastFrame]]:
    found = {
        "performer": 1,
        "model": {"untrained": 7, "canvas": "64x64"},
        "source": {"kind": "card"},
        "bends": bends,
        **sections,
    }
    with offline.rehearsal(reading.from_json(json.dumps(found))) as rehearsed:
        yield rehearsed


class Hand:
    """Changes for the next frame."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: list[Change] = []
        loop.changes = self

    def turn(self, name: str, value: float) -> None:
        place = self._loop.parameters.table.places[name]
        self._waiting.append(Change(place, value, glide_seconds=0.0))

    def drain(self) -> list[Change]:
        drained, self._waiting = self._waiting, []
        return drained


def shown(loop: Loop, frames: LastFrame) -> torch.Tensor:
    loop.frame()
    assert frames.picture is not None
    return frames.picture.clone()


FROZEN = {"hold": {"kind": "freeze", "layer": "30%", "amount": 1}}


def test_panic_lets_memory_go_at_once() -> None:
    """The card moves, so that what is held is seen; after panic the present is held."""
    with playing(FROZEN) as (loop, frames), playing({}) as (free, of_free):
        hand = Hand(loop)
        first = shown(loop, frames)
        plain = [shown(free, of_free) for _ in range(30)]
        for _ in range(28):
            loop.frame()
        assert torch.equal(first, plain[0])
        hand.turn("panic", 1)
        after = shown(loop, frames)
    assert torch.allclose(after, plain[29], atol=1e-5)


def test_noise_goes_on_in_frames_that_nobody_sees() -> None:
    bend = {"flow": {"kind": "displace", "layer": "30%", "amount": 0.1, "speed": 1}}
    with playing(bend) as (loop, frames), playing(bend) as (other, of_other):
        for _ in range(5):
            loop.frame()
            other.pass_over()
        assert torch.equal(shown(loop, frames), shown(other, of_other))


def test_the_governor_gives_up_the_extras_of_bends_and_takes_them_back() -> None:
    flow = {"flow": {"kind": "displace", "layer": "60%", "amount": 0.1, "size": 0.1, "octaves": 4}}
    with playing(flow) as (loop, frames):
        scene = reading.from_json(
            json.dumps(
                {
                    "performer": 1,
                    "model": {"untrained": 7},
                    "source": {"kind": "card"},
                    "bends": flow,
                }
            )
        )
        thrift = Thrift(scene, loop)
        whole = shown(loop, frames)
        thrift._governor._order, thrift._governor._level = [BENDS], 1
        thrift._apply()
        spared = shown(loop, frames)
        assert float((whole - spared).abs().mean()) > 1e-3
        thrift._governor._level = 0
        thrift._apply()
        assert not loop.generator.bends.is_sparing


def test_a_bend_that_fails_rests_and_the_picture_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bends = {"turn": {"kind": "rotate", "layer": "30%", "angle": 30}}
    with playing(bends) as (loop, frames), playing({}) as (free, of_free):
        for placed in loop.generator.bends._placed:
            placed.bend.apply = placed.bend.in_blocks = None
        assert torch.equal(shown(loop, frames), shown(free, of_free))
        for _ in range(2 * REST_FRAMES):  # it is tried again, and fails again
            loop.frame()
    assert capsys.readouterr().err.count("bend turn rests") == 1


def test_a_mask_rests_while_the_canvas_has_another_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grey(tmp_path / "mask.png", 32, 32)
    bends = {
        "away": {
            "kind": "ablate",
            "layer": "30%",
            "amount": 1,
            "mask": {"file": str(tmp_path / "mask.png")},
        }
    }
    with playing(bends) as (loop, frames):
        hand = Hand(loop)
        hand.turn("model.width", 128)
        assert shown(loop, frames).shape[-1] == 128
    assert (
        "bend away rests: its mask has not the shape of the canvas any more"
        in capsys.readouterr().err
    )


def test_a_live_mask_sees_the_condition() -> None:
    away = {"kind": "ablate", "layer": "60%", "amount": 1}
    bends = {"bright": {**away, "mask": {"live": "bright"}}}
    with (
        playing(bends) as (loop, frames),
        playing({"all": away}) as (whole, of_whole),
        playing({}) as (free, of_free),
    ):
        masked, all_, none = (
            shown(*each) for each in ((loop, frames), (whole, of_whole), (free, of_free))
        )
    assert not torch.allclose(masked, none, atol=1e-2)
    assert not torch.allclose(masked, all_, atol=1e-2)
