"""The door into render: what is sent lands whole, in order, once, or is refused and counted."""

import contextlib
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from performer.doors.changes import CAPACITY, Change, ChangesDoor, ChangesIn, Kind, coalesced

Door = Callable[..., ChangesDoor]


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    path = tmp_path / "changes"
    ChangesDoor.create(path)
    return path


@pytest.fixture
def door(ring: Path) -> Iterator[Door]:
    """Makes doors to one ring."""
    doors: list[ChangesDoor] = []

    def attach(generation: int = 0) -> ChangesDoor:
        doors.append(ChangesDoor(ring, generation))
        return doors[-1]

    yield attach
    for each in doors:
        each.close()


def numbered(count: int, start: int = 0) -> list[Change]:
    return [Change(7, float(number)) for number in range(start, start + count)]


def test_what_is_sent_comes_out_in_order_and_once(door: Door) -> None:
    sender, render = door(), door()
    sent = [
        Change(0, 90.0),
        Change(4095, -1e300, Kind.RELATIVE, glide_seconds=0.0),
        Change(3, 0.1, glide_seconds=60.0, bundled=True),
    ]
    assert sender.send(sent)
    assert render.drain() == sent
    assert render.drain() == []


def test_nothing_sent_is_nothing_drained(door: Door) -> None:
    assert door().send([])
    assert door().drain() == []


def test_the_ring_goes_round_and_round(door: Door) -> None:
    sender, render = door(), door()
    hand = random.Random(1)
    sent = 0
    while sent < 5 * CAPACITY:
        changes = numbered(hand.randrange(1, CAPACITY // 3), sent)
        assert sender.send(changes)
        assert render.drain() == changes
        sent += len(changes)


def test_a_full_ring_takes_exactly_its_capacity(door: Door) -> None:
    sender, render = door(), door()
    assert sender.send(numbered(CAPACITY))
    assert not sender.send(numbered(1))
    assert sender.refused == 1
    assert render.drain() == numbered(CAPACITY)
    assert sender.send(numbered(CAPACITY))


def test_a_bundle_that_does_not_fit_is_refused_whole_and_counted(door: Door) -> None:
    sender, render = door(), door()
    kept = numbered(CAPACITY - 2)
    assert sender.send(kept)
    assert not sender.send([Change(1, 0.0, bundled=True)] * 3)
    assert render.refused == 3
    assert render.drain() == kept


def test_what_was_meant_for_another_scene_is_left_out(door: Door) -> None:
    door(generation=1).send([Change(1, 1.0)])
    door(generation=2).send([Change(2, 2.0)])
    assert door(generation=2).drain() == [Change(2, 2.0)]
    assert door(generation=1).drain() == []


def test_a_process_that_comes_back_goes_on_where_the_last_one_ended(door: Door) -> None:
    for start in range(0, 3000, 1000):
        sender, render = door(), door()
        assert sender.send(numbered(1000, start))
        assert render.drain() == numbered(1000, start)
        sender.close()
        render.close()


def test_render_that_died_finds_what_was_sent_meanwhile(door: Door) -> None:
    sender, dead = door(), door()
    sender.send(numbered(3))
    dead.drain()
    dead.close()
    sender.send(numbered(3, 3))
    assert door().drain() == numbered(3, 3)


def test_a_door_may_be_closed_twice(ring: Path) -> None:
    door = ChangesDoor(ring)
    door.close()
    door.close()


_SENDER = """
import random, sys, time
from pathlib import Path
from performer.doors.changes import Change, ChangesDoor
door, total, hand = ChangesDoor(Path(sys.argv[1])), int(sys.argv[2]), random.Random(3)
sent = bundle = 0
while sent < total:
    bundle += 1
    size = min(hand.randrange(1, 9), total - sent)
    changes = [Change(bundle, float(sent + n), bundled=True, glide_seconds=size) for n in range(size)]
    while not door.send(changes):
        time.sleep(0)
    sent += size
"""


@contextlib.contextmanager
def running(program: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Another process; it does not outlive the test, however that ends."""
    with subprocess.Popen([sys.executable, "-c", program, *arguments]) as process:
        try:
            yield process
        finally:
            process.kill()


def test_between_two_processes_nothing_is_lost_doubled_torn_or_cut_in_two(
    ring: Path, door: Door
) -> None:
    total = 40_000
    with running(_SENDER, str(ring), str(total)) as sender:
        render, received = door(), 0
        while received < total:
            batch = render.drain()
            assert [change.value for change in batch] == list(
                range(received, received + len(batch))
            )
            received += len(batch)
            _assert_whole_bundles(batch)
            assert batch or sender.poll() in (None, 0)
    assert render.drain() == []


def _assert_whole_bundles(batch: list[Change]) -> None:
    sizes: dict[int, int] = {}
    for change in batch:
        sizes[change.place] = sizes.get(change.place, 0) + 1
        assert change.bundled
    assert all(sizes[change.place] == change.glide_seconds for change in batch)


_HAMMER = """
import sys, time
from pathlib import Path
from performer.doors.changes import Change, ChangesDoor
door, end = ChangesDoor(Path(sys.argv[1])), time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    door.send([Change(1, 1.0)])
"""


def test_a_counter_is_never_seen_half_written(ring: Path, door: Door) -> None:
    """Stored by struct.pack_into, the counters are seen as zero in one look of five."""
    with running(_HAMMER, str(ring), "1.5") as sender:
        render = door()
        while sender.poll() is None:
            for _ in range(500):
                assert len(render.drain()) <= CAPACITY


def test_several_rings_are_drained_as_one(tmp_path: Path) -> None:
    doors = []
    for name in ("control", "midi"):
        ChangesDoor.create(tmp_path / name)
        doors.append(ChangesDoor(tmp_path / name))
    control, midi = doors
    control.send([Change(1, 1.0), Change(2, 2.0)])
    midi.send([Change(1, 3.0)])
    assert ChangesIn(doors).drain() == [Change(2, 2.0), Change(1, 3.0)]
    control.close()
    midi.close()


A, B = 0, 1


def test_only_the_last_absolute_value_of_a_parameter_is_kept() -> None:
    assert coalesced([Change(A, 1), Change(B, 2), Change(A, 3)]) == [Change(B, 2), Change(A, 3)]


def test_relative_changes_all_stay_with_what_they_build_upon() -> None:
    nudge = Change(A, 0.1, Kind.RELATIVE)
    changes = [Change(A, 1), nudge, nudge]
    assert coalesced(changes) == changes


def test_what_an_absolute_value_overwrites_is_dropped_though_something_was_built_upon_it() -> None:
    nudge = Change(A, 0.1, Kind.RELATIVE)
    assert coalesced([Change(A, 1), nudge, Change(A, 5)]) == [nudge, Change(A, 5)]


def test_a_bundle_always_stays_whole() -> None:
    bundle = [Change(A, 1, bundled=True), Change(A, 2, bundled=True)]
    assert coalesced([*bundle, Change(A, 3)]) == [*bundle, Change(A, 3)]


def test_a_bundle_overwrites_a_single_value_before_it() -> None:
    assert coalesced([Change(A, 1), Change(A, 2, bundled=True)]) == [Change(A, 2, bundled=True)]


def test_what_is_sent_for_the_former_scene_lands_where_its_parameter_is_now(door: Door) -> None:
    sender, render = door(0), door(0)
    assert sender.send([Change(3, 1.0), Change(4, 2.0)])
    render.take_up(1, {3: 0, 5: 1})
    assert render.drain() == [Change(0, 1.0)]
    sender.generation = 1
    assert sender.send([Change(1, 3.0)])
    assert render.drain() == [Change(1, 3.0)]


def test_what_is_sent_two_scenes_late_is_left_out(door: Door) -> None:
    sender, render = door(0), door(0)
    render.take_up(1, {3: 3})
    render.take_up(2, {3: 3})
    assert sender.send([Change(3, 1.0)])
    assert render.drain() == []


def test_generations_are_told_apart_beyond_what_a_record_can_count(door: Door) -> None:
    sender, render = door((1 << 16) - 1), door((1 << 16) - 1)
    render.take_up(1 << 16, {3: 4})
    assert sender.send([Change(3, 1.0)])
    sender.generation = 1 << 16
    assert sender.send([Change(4, 2.0)])
    assert render.drain() == [Change(4, 1.0), Change(4, 2.0)]
