"""What a loop saves when the machine is too slow for its scene, or too small."""

import errno
import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import cuda_ops
from performer import reading
from performer.offline import rehearsal
from performer.scene import Scene
from performer.sizes import Sizes
from performer.thrift import Thrift

OUT = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory"
)


def scene(**sections: Any) -> Scene:
    base = {
        "performer": 1,
        "model": {"untrained": 7, "canvas": "64x32"},
        "source": {"kind": "card"},
        "outputs": {"page": {"kind": "page"}},
        "post": {"grade": {"kind": "levels", "gain": 2.0}},
    }
    return reading.from_json(json.dumps({**base, **sections}))


def pretended_loop(width: int = 64, height: int = 32) -> Any:
    values = {"width": float(width), "height": float(height)}
    return SimpleNamespace(
        post=SimpleNamespace(given_up=False),
        generator=SimpleNamespace(
            sizes=Sizes(None),  # type: ignore[arg-type]
            bends=SimpleNamespace(is_sparing=False),
        ),
        parameters=SimpleNamespace(under=lambda _: values),
        values=values,
    )


class Clock:
    """The monotonic clock, under our hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    yield clock
    monkeypatch.undo()


def play(
    thrift: Thrift, clock: Clock, rate: float, seconds: float, *, settled: bool = True
) -> None:
    for _ in range(round(seconds * rate)):
        clock.now += 1 / rate
        thrift.count(settled=settled)


def test_under_load_the_preview_goes_then_post_then_half_of_the_canvas_and_it_is_said(
    clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    loop = pretended_loop()
    thrift = Thrift(scene(), loop)
    play(thrift, clock, 4.0, 4)
    assert (thrift.given_up, loop.post.given_up) == (["preview"], False)
    play(thrift, clock, 4.0, 7)
    assert (thrift.given_up[:3], loop.post.given_up) == (["preview", "post", "canvas"], True)
    assert loop.generator.sizes.canvas(loop.values) == (23, 45)
    assert loop.generator.sizes.shown(loop.values) == (32, 64)
    assert (
        thrift.line == "render: fell to 4.0 of 30 frames a second; given up: preview, post, canvas"
    )
    play(thrift, clock, 30.0, 60)
    assert (thrift.given_up, loop.post.given_up, loop.generator.sizes.share) == ([], False, 1.0)
    said = capfd.readouterr().err.splitlines()
    assert said[0] == "render: fell to 4.0 of 30 frames a second; given up: preview"
    assert said[-1] == "render: all is back that was given up"


def test_pictures_of_clusters_go_before_what_an_audience_sees(clock: Clock) -> None:
    thrift = Thrift(scene(clusters={}), pretended_loop())
    play(thrift, clock, 4.0, 8)
    assert thrift.given_up[:2] == ["preview", "thumbnails"]


def test_while_kernels_are_compiled_slowness_says_nothing(clock: Clock) -> None:
    thrift = Thrift(scene(), pretended_loop())
    play(thrift, clock, 2.0, 60, settled=False)
    assert thrift.given_up == []


def test_a_scene_may_forbid_it(clock: Clock) -> None:
    thrift = Thrift(scene(governor={"active": False}), pretended_loop())
    play(thrift, clock, 1.0, 60)
    assert thrift.given_up == []


@pytest.mark.parametrize(
    "error",
    [
        OUT,
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory."),
    ],
)
def test_without_memory_the_canvas_is_halved_and_comes_back(clock: Clock, error: Exception) -> None:
    loop = pretended_loop(256, 256)
    thrift = Thrift(scene(governor={"active": False}), loop)
    assert thrift.ran_out(error, painted=(256, 256))
    assert loop.generator.sizes.canvas(loop.values) == (181, 181)
    assert thrift.line == "render: out of memory; the canvas has 1/2 of its pixels"
    play(thrift, clock, 1.0, 32)
    assert loop.generator.sizes.canvas(loop.values) == (256, 256)


def test_a_canvas_that_grew_too_large_stays_as_it_was_and_is_tried_again(clock: Clock) -> None:
    loop = pretended_loop(2048, 2048)
    thrift = Thrift(scene(), loop)
    assert thrift.ran_out(OUT, painted=(64, 64))
    assert loop.generator.sizes.canvas(loop.values) == (64, 64)
    play(thrift, clock, 30.0, 32)
    assert loop.generator.sizes.canvas(loop.values) == (2048, 2048)


def test_any_other_error_is_not_ours() -> None:
    thrift = Thrift(scene(), pretended_loop())
    assert not thrift.ran_out(RuntimeError("sizes do not match"), painted=(64, 64))
    assert not thrift.ran_out(ValueError("out of memory"), painted=(64, 64))


def test_a_smaller_canvas_and_no_post_leave_the_frame_as_large_as_it_was() -> None:
    with cuda_ops.choose("portable"), rehearsal(scene()) as (loop, frames):
        loop.frame()
        assert frames.picture is not None
        whole = frames.picture
        loop.generator.sizes.share, loop.post.given_up = 0.25, True
        loop.frame()
    assert frames.picture.shape == whole.shape == (1, 3, 32, 64)
    assert frames.picture.abs().mean() < whole.abs().mean()
