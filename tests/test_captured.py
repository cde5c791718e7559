"""Frames as graphs, on a card that is none: against the same scene painted in order."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch

import cuda_ops
from cuda_driver.interop import PLACE
from cuda_driver.library import DriverError
from cuda_ops.cuda.graphs import PATIENCE_FRAMES
from model import networks, schedule
from model.bends.base import BendSettings, Part
from model.bends.multiply import Multiply
from model.bends.placed import REST_FRAMES
from model.checkpoint import save
from model.network import Network
from model.schedule_stylegan2 import stylegan2
from performer import pictures, reading
from performer.captured import Captured
from performer.cast import Cast, assemble
from performer.clock import Moment, OfflineClock
from performer.conditions.blur import Blur
from performer.doors import frames
from performer.doors.changes import Change
from performer.doors.frames import FramesReader, FramesWriter
from performer.errors import is_out_of_memory
from performer.loop import Loop
from performer.offline import Exactly
from performer.parts import Picture
from performer.performance import load_network
from performer.post.levels import Levels
from performer.rendering import CardFramesDoor
from performer.scene import Scene
from tests.cuda_ops.hand_cranked import HandCranked
from tests.rig.card import Graphs, RiggedCard
from tests.test_backstage import SCENE, opened

pytestmark = pytest.mark.timeout(600)  # plain torch, on a machine that may be busy

CANVAS = """\
performer: 1
model: {untrained: 7, canvas: 32x32}
source: {kind: card}
condition: {kind: blur, sigma: 2}
latent: {seeds: [7, 21], speed: 0.5}
bends:
  twist: {kind: rotate, layer: 40%, angle: 20}
  louder: {kind: multiply, layer: 60%, factor: 1, channels: {range: [0, 3]}}
post:
  grade: {kind: levels, gain: 0.8, gamma: 1.2}
"""
WITHOUT_ENCODER = """\
performer: 1
model: {file: made.safetensors, canvas: 32x32}
latent: {seeds: [7, 21], speed: 0.5}
"""
READY_FRAMES = 4  # until a structure has its graph, where there is time beside each frame


class Doors:
    """Changes in, pictures out."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.pictures: list[torch.Tensor] = []

    def drain(self) -> list[Change]:
        changes, self.changes = self.changes, []
        return changes

    def publish(self, picture: torch.Tensor, moment: Moment, source: Picture) -> None:
        self.pictures.append(picture.clone())


class Show:
    """One scene on a card, and the same painted in order."""

    def __init__(self, folder: Path, text: str, card: RiggedCard) -> None:
        file = folder / "scene.yaml"
        file.write_text(text)
        self.scene = reading.read(str(file))
        self.card = card
        self.network = _small(self.scene)
        self.plain_doors, self.doors = Doors(), Doors()
        self.plain = self._loop(self.cast().stations("cpu"), self.plain_doors)
        self.loop = self._loop(self.cast().stations("cpu", card), self.doors)

    def cast(self) -> Cast:
        return assemble(self.scene, self.network, lambda source: _opened(source))

    def _loop(self, stations: Any, doors: Doors) -> Loop:
        return Loop(OfflineClock(self.scene.clock.rate), doors, stations, doors)

    @property
    def paint(self) -> Captured:
        assert isinstance(self.loop.paint, Captured)
        return self.loop.paint

    @property
    def captures(self) -> int:
        return len(self.card.api.made)

    def move(self, **values: float) -> None:
        """Send parameters somewhere in the next frame; ``__`` stands for a dot."""
        places = self.loop.parameters.table.places
        for name, value in values.items():
            change = Change(places[name.replace("__", ".")], value, glide_seconds=0.0)
            for doors in (self.plain_doors, self.doors):
                doors.changes.append(change)

    def frame(self) -> bool:
        """One frame of both, and time beside it; whether they are the same."""
        self.plain.frame()
        self.loop.frame()
        if isinstance(self.card.beside, HandCranked):
            self.card.beside.turn()
        wanted, picture = self.plain_doors.pictures[-1], self.doors.pictures[-1]
        return wanted.shape == picture.shape and torch.allclose(wanted, picture, atol=2e-4)

    def play(self, count: int) -> list[bool]:
        return [self.frame() for _ in range(count)]


def _small(scene: Scene) -> Network:
    """The network of a file, or a Canvas of few channels."""
    if scene.model.file is not None:
        return load_network(scene.model, "cpu", "float32")
    torch.manual_seed(7)
    config = schedule.canvas(32, 512, 8)
    return networks.from_config(config).eval().requires_grad_(False)


def _opened(source: Any) -> Exactly:
    source.open()
    return Exactly(source)


@pytest.fixture(autouse=True)
def _portable() -> Iterator[None]:
    """Native kernels cannot be recorded; the same operators play in and out of graphs."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two spin, where a neighbour is busy
    with cuda_ops.choose("portable"):
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def show(tmp_path: Path) -> Show:
    return Show(tmp_path, CANVAS, RiggedCard())


def test_the_first_frames_are_painted_eagerly_and_then_one_graph_is_replayed(show: Show) -> None:
    assert show.play(10) == [True] * 10
    graphs = show.paint.graphs
    assert (graphs.eager, graphs.replays, show.captures) == (READY_FRAMES - 1, 7, 1)
    assert not show.card.said


def test_amounts_that_move_are_followed_and_capture_nothing(show: Show) -> None:
    show.play(READY_FRAMES)
    assert show.captures == 1
    for step in range(1, 8):
        show.move(
            bends__twist__angle=20 + 9 * step,
            bends__twist__mix=1.0,
            condition__sigma=2 + 0.4 * step,
            latent__position=0.1 * step,
            latent__truncation=0.9 - 0.1 * step,
            model__skips=1 - 0.05 * step,
            model__skip_1=1 + 0.05 * step,
            model__encoder_from=0.2 * step,
            model__encoder_to=3.5,
            model__encoder_mix=0.1 * step,
            post__grade__gain=0.8 + 0.1 * step,
            post__grade__saturation=0.2 * step,
            post__grade__gamma=1 + 0.1 * (step % 3),
        )
        assert show.frame(), step
    assert show.captures == 1
    assert show.paint.graphs.eager == READY_FRAMES - 1


def test_stylegan3_follows_its_transform(tmp_path: Path) -> None:
    torch.manual_seed(3)
    made = networks.from_config(schedule.stylegan3(32, 512, 16, variant="t"))
    save(made, tmp_path / "made.safetensors")
    show = Show(tmp_path, WITHOUT_ENCODER, RiggedCard())
    show.play(READY_FRAMES)
    for step in range(1, 5):
        show.move(model__turn=20.0 * step, model__shift_x=0.1 * step, model__zoom=1 + 0.1 * step)
        assert show.frame(), step
    assert show.captures == 1
    assert show.paint.graphs.replays >= 5  # one more where the graph was there a frame sooner


def test_stylegan2_has_a_graph_for_each_strength_of_noise_and_none_for_random_noise(
    tmp_path: Path,
) -> None:
    torch.manual_seed(3)
    made = networks.from_config(stylegan2(32, 512, 16))
    save(made, tmp_path / "made.safetensors")
    show = Show(tmp_path, WITHOUT_ENCODER, RiggedCard())
    assert all(show.play(READY_FRAMES))
    show.move(model__noise=0.5)
    assert all(show.play(READY_FRAMES + 1)[-2:])
    assert show.captures == 2
    replays = show.paint.graphs.replays
    show.move(model__random_noise=1.0)
    assert all(show.play(PATIENCE_FRAMES)[READY_FRAMES:])
    assert show.paint.graphs.replays <= replays + READY_FRAMES
    assert "random noise is drawn by the host in every frame" in show.card.said[0]


@pytest.mark.parametrize(
    "change",
    [
        {"bends__louder__factor": 2.5},  # it begins to play
        {"bends__twist__angle": 0.0},  # it rests
        {"bends__twist__mix": 0.5},  # what was there has a share
        {"post__grade__gain": 1.0, "post__grade__gamma": 1.0},  # there is nothing to grade
        {"model__width": 48.0},
        {"model__frame_statistics": 1.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_structure_is_captured_once_and_seen_when_its_graph_is_there(
    show: Show, change: dict[str, float]
) -> None:
    show.play(READY_FRAMES)
    before = {name: show.loop.parameters.values[show.loop.parameters.table.places[name.replace("__", ".")]] for name in change}  # fmt: skip
    for values in (change, before, change, before):
        show.move(**values)
        played = show.play(READY_FRAMES + 2)
        assert played[-2:] == [True, True]
    assert show.captures == 2
    # Not one frame was painted without a graph but the very first.
    assert show.paint.graphs.eager == READY_FRAMES - 1
    assert len(show.doors.pictures) == len(show.plain_doors.pictures)


def test_a_capture_that_fails_is_said_once_and_the_picture_goes_on(show: Show) -> None:
    show.card.api.fails = RuntimeError("operation not permitted when stream is capturing")
    assert show.play(8) == [True] * 8
    show.move(bends__louder__factor=2.0)
    assert all(show.play(8))
    assert show.paint.graphs.replays == 0
    assert show.card.said == [
        "render: played without a CUDA graph, a little slower "
        "(RuntimeError: operation not permitted when stream is capturing)"
    ]


def _fail(*_: object) -> NoReturn:
    raise ValueError("no such colour")


def _break(patch: pytest.MonkeyPatch, part: type) -> None:
    for way in ("apply", "follow"):
        patch.setattr(part, way, _fail)


def _pass_over(show: Show, count: int) -> None:
    for _ in range(count):
        show.plain.pass_over()
        show.loop.pass_over()


def test_a_post_that_fails_rests_and_graphs_are_replayed_without_it(
    show: Show, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _break(monkeypatch, Levels)
    assert all(show.play(READY_FRAMES + 2))
    assert (show.paint.graphs.replays > 0, show.captures) == (True, 1)
    assert capsys.readouterr().err == "post grade rests: no such colour\n" * 2  # of either loop
    monkeypatch.undo()
    _pass_over(show, REST_FRAMES)
    assert all(show.play(2 * READY_FRAMES)[READY_FRAMES:])  # what was there plays until then
    assert show.captures == 2


def test_no_graph_is_made_of_a_condition_that_fails(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, Blur)
    assert all(show.play(READY_FRAMES + 2))
    assert (show.paint.graphs.replays, show.captures) == (0, 0)
    assert "(condition blur: ValueError: no such colour)" in show.card.said[0]
    monkeypatch.undo()
    _pass_over(show, REST_FRAMES)
    assert all(show.play(3))


def test_a_graph_that_is_made_while_a_condition_rests_has_it(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, Blur)
    assert show.frame()
    monkeypatch.undo()
    show.play(READY_FRAMES)
    assert show.captures == 1
    _pass_over(show, REST_FRAMES)
    assert all(show.play(3))
    assert show.paint.graphs.replays > 3


def test_no_frame_waits_for_a_capture(tmp_path: Path) -> None:
    began, leave = threading.Event(), threading.Event()

    class Slow(Graphs):
        def warm_up(self, work: Callable[[], object]) -> None:
            began.set()
            assert leave.wait(60)
            super().warm_up(work)

    with ThreadPoolExecutor(1, initializer=cuda_ops.choose, initargs=("portable",)) as beside:
        show = Show(tmp_path, CANVAS, RiggedCard(beside, Slow()))
        while not began.is_set():
            assert show.frame()
        assert all(show.play(5))
        leave.set()
        while show.paint.graphs.replays == 0:
            assert show.frame()
        assert all(show.play(3))
    assert not show.card.said


def test_while_a_canvas_gets_ready_the_last_one_plays_on(show: Show) -> None:
    show.play(READY_FRAMES)
    show.move(model__width=64.0)
    shown = []
    for _ in range(PATIENCE_FRAMES + 3):  # and nothing ever gets ready
        show.loop.frame()
        shown.append(show.doors.pictures[-1].shape[-1])
    assert shown == [32] * PATIENCE_FRAMES + [64] * 3


def test_what_a_graph_reads_is_held(show: Show) -> None:
    show.play(READY_FRAMES)
    (graph,) = show.card.api.made
    (captured,) = show.paint.graphs._captured.values()
    sheet, frame = show.paint._sheet, captured.work
    chosen = [each._chosen for each in show.loop.generator.bends._placed]  # the host's own
    known = [
        captured.held,
        [*show.network.parameters(), *show.network.buffers()],
        [*sheet.there.values()],
        frame.pixels,
        chosen,
        _prepared(show.network),
    ]
    strangers = graph.strangers(known)
    assert not strangers, [each.shape for each in strangers]


def _prepared(network: torch.nn.Module) -> list[Any]:
    """What layers have made of their weights, which goes on for as long as these do."""
    from model.layers import Prepared

    found = []
    for module in network.modules():
        for value in vars(module).values():
            if isinstance(value, Prepared):
                found += value._value if isinstance(value._value, tuple) else [value._value]
    return [each for each in found if isinstance(each, torch.Tensor)]


def test_a_frame_is_one_copy_of_numbers_and_one_of_a_picture_that_is_new(show: Show) -> None:
    show.play(READY_FRAMES)
    log = show.card.pinning.log
    del log[:]
    show.loop.frame()
    assert sum("record" in line for line in log) == 2  # the test card moves in every frame
    footage = show.paint.footage
    assert footage is not None
    del log[:]
    show.loop.source.at = lambda *_: footage  # type: ignore[method-assign]
    show.loop.frame()
    assert sum("record" in line for line in log) == 1
    assert not any("pin" in line for line in log)


def test_feedback_leaves_the_same_trails(tmp_path: Path) -> None:
    bends = "  trails: {kind: feedback, layer: 50%, amount: 0.6, zoom: 1.05}\n"
    text = CANVAS.replace("bends:\n", "bends:\n" + bends)
    show = Show(tmp_path, text, RiggedCard(HandCranked(waits=False)))
    show.loop.prepare(5.0)
    assert show.captures >= 1
    assert show.play(6) == [True] * 6
    assert show.paint.graphs.eager == 0
    show.move(panic=1.0)  # forgets, in both
    show.play(40)
    show.move(bends__trails__amount=0.5, bends__twist__angle=20.0)
    assert show.play(READY_FRAMES + 20)[-1]


def test_a_graph_that_was_prepared_plays_from_the_first_frame(tmp_path: Path) -> None:
    show = Show(tmp_path, CANVAS, RiggedCard(HandCranked(waits=False)))
    show.loop.prepare(5.0)
    before = show.captures
    assert show.play(3) == [True] * 3
    assert (show.paint.graphs.eager, show.paint.graphs.replays) == (0, 3)
    assert show.captures == before


def test_a_scene_that_was_saved_is_captured_before_it_is_seen(tmp_path: Path) -> None:
    chosen = {"initializer": cuda_ops.choose, "initargs": ("portable",)}
    with ThreadPoolExecutor(1, **chosen) as beside:
        card = RiggedCard(beside)
        with opened(tmp_path, card) as stage:
            assert stage.play_until(lambda: stage.loop.paint.graphs.replays > 1)
            for text in (
                SCENE.replace(
                    "bends:\n", "bends:\n  loud: {kind: multiply, layer: 2, factor: 2}\n"
                ),
                SCENE.replace("untrained: 7", "untrained: 8"),
            ):
                before = stage.loop.paint.graphs
                stage.change(text)
                after = stage.loop.paint.graphs
                assert after is not before
                replays = after.replays
                stage.frame()
                assert after.replays == replays + 1  # and so did the first one
                assert after.eager <= (0 if "loud" in text else 1)  # painted behind the stage
    assert not card.said


def test_a_scene_that_went_leaves_nothing_behind(tmp_path: Path) -> None:
    """Though render had what was loaded first kept from the garbage collector."""
    chosen = {"initializer": cuda_ops.choose, "initargs": ("portable",)}
    with ThreadPoolExecutor(1, **chosen) as beside, opened(tmp_path, RiggedCard(beside)) as stage:
        assert stage.play_until(lambda: stage.loop.paint.graphs.replays > 1)
        network = weakref.ref(stage.cast.network)
        gc.freeze()
        try:
            stage.change(SCENE.replace("untrained: 7", "untrained: 8"))
            assert stage.play_until(lambda: network() is None)
        finally:
            gc.unfreeze()


def test_a_source_of_another_size_is_followed_as_soon_as_its_graph_is_there(show: Show) -> None:
    show.play(READY_FRAMES)
    for loop in (show.plain, show.loop):
        at = loop.source.at

        def smaller(moment: Moment, values: Any, at: Any = at) -> Picture:
            seen = at(moment, values)
            return Picture(np.ascontiguousarray(seen.pixels[::2, ::2]), seen.number)

        loop.source.at = smaller  # type: ignore[method-assign]
    same = show.play(READY_FRAMES + 1)
    assert not same[0]  # the last picture of the former size, and nothing else
    assert same[-2:] == [True, True]
    assert (show.captures, show.paint.graphs.eager) == (2, READY_FRAMES - 1)


class _Host(Multiply):
    """A bend that asks the card for its amount."""

    class Settings(BendSettings):
        factor: float = 2.0

    def neutral(self, values: Any) -> bool:
        return False

    def apply(self, features: torch.Tensor, amounts: torch.Tensor, site: Any) -> torch.Tensor:
        return features * float(amounts[0])


class _Numbers(Multiply):
    """A bend that reads a number."""

    def apply(self, features: torch.Tensor, amounts: torch.Tensor, site: Any) -> torch.Tensor:
        return features * site.values["factor"]


def _with_bend(show: Show, bend: type[Part]) -> None:
    """Have both play another bend instead of the second one."""
    for loop in (show.plain, show.loop):
        placed = loop.generator.bends._placed[1]
        placed.bend = bend(placed.bend.settings)


def test_a_bend_that_needs_the_host_is_played_eagerly_and_said(show: Show) -> None:
    _with_bend(show, _Host)
    assert all(show.play(8))
    assert show.paint.graphs.replays == 0
    (line,) = show.card.said
    assert "bend louder" in line


def test_a_bend_that_says_it_needs_the_host_is_believed(show: Show) -> None:
    show.loop.generator.bends._placed[0].bend.needs_host = True
    assert all(show.play(5))
    assert (show.captures, show.paint.graphs.replays) == (0, 0)
    line = (
        "played without a CUDA graph, a little slower (bend twist works on the host in every frame)"
    )
    assert show.card.said == [f"render: {line}"]


def test_a_bend_that_reads_numbers_has_a_graph_for_each(show: Show) -> None:
    _with_bend(show, _Numbers)
    show.move(bends__louder__factor=2.0)
    assert all(show.play(8))
    assert show.paint.graphs.replays
    made = show.captures
    shown = []
    for step in range(PATIENCE_FRAMES + 6):  # it moves all the time: there is no graph for it
        show.move(bends__louder__factor=2.0 + 0.01 * step)
        shown += show.play(1)
    assert all(shown[PATIENCE_FRAMES + 1 :])
    assert show.captures == made
    assert all(show.play(8)[-4:])
    assert show.captures == made + 1


def test_a_post_that_follows_nothing_has_a_graph_for_each_of_its_values(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Levels, "follow")
    assert all(show.play(8))
    made, replays = show.captures, show.paint.graphs.replays
    assert replays
    show.move(post__grade__gain=0.5)
    assert all(show.play(8)[-3:])
    assert show.captures == made + 1


def test_after_memory_ran_out_graphs_are_made_anew(show: Show) -> None:
    show.play(READY_FRAMES)
    assert is_out_of_memory(MemoryError())
    show.paint.forget()
    assert show.play(READY_FRAMES + 1) == [True] * (READY_FRAMES + 1)
    assert show.captures == 2


# Frames to the door.


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    frames.create(tmp_path / "frames", readers=1, largest=(64, 64))
    return tmp_path / "frames"


def test_the_bytes_of_a_graph_go_into_the_ring(show: Show, ring: Path) -> None:
    door, reader = CardFramesDoor(FramesWriter(ring), show.card), FramesReader(ring, 0)
    show.loop.frames = door
    converted: list[torch.Tensor] = []
    convert = show.card._convert
    show.card._convert = lambda picture: converted.append(picture) or convert(picture)
    for _ in range(READY_FRAMES + 2):
        show.loop.frame()
        show.card.beside.turn()
        frame = reader.take()
        wanted = np.empty_like(frame.pixels)
        pictures.into_frame(show.loop.master._shown, wanted)
        assert np.array_equal(frame.pixels, wanted)
    assert [size for _, size in show.card.pinning.registered] == [32 * 32 * 4] * 2
    count = len(converted)
    show.loop.frame()
    assert len(converted) == count  # the graph did
    place = show.loop.parameters.table.places["blackout"]
    show.doors.changes.append(Change(place, 1.0, glide_seconds=0.0))
    show.loop.frame()  # and what was done to a picture after it counts
    assert not reader.take().pixels[..., :3].any()


def test_frames_are_lent_on_the_card_while_somebody_wants_that(show: Show, ring: Path) -> None:
    door, reader = CardFramesDoor(FramesWriter(ring), show.card), FramesReader(ring, 0)
    show.loop.frames = door
    lent: dict[bytes, torch.Tensor] = {}

    def lend(frame: torch.Tensor, slot: int) -> bytes:
        place = b"the place of slot %d" % slot
        lent[place] = frame.clone()
        return place.ljust(PLACE.size, b".")

    show.card._lend = lend
    show.loop.frame()
    assert not reader.take().on_card
    reader.wish(on_card=True)
    for _ in range(3):
        show.loop.frame()
        frame = reader.take()
        assert np.array_equal(lent[frame.on_card.rstrip(b".")], frame.pixels)
    assert len(lent) > 1  # what is looked at is not written
    reader.wish(on_card=False)
    show.loop.frame()
    assert not reader.take().on_card


def test_a_card_that_lends_nothing_says_so_once_and_plays_on(show: Show, ring: Path) -> None:
    door, reader = CardFramesDoor(FramesWriter(ring), show.card), FramesReader(ring, 0)
    show.loop.frames = door
    reader.wish(on_card=True)

    def lend(frame: torch.Tensor, slot: int) -> bytes:
        raise DriverError("cuIpcGetMemHandle: operation not supported (801)")

    show.card._lend = lend
    for _ in range(3):
        show.loop.frame()
        assert reader.take().on_card == b""
    line = "windows get frames through memory; cuIpcGetMemHandle: operation not supported (801)"
    assert show.card.said == [f"render: {line}"]
