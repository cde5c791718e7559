"""The OSC controller over real sockets."""

import asyncio
import contextlib
import math
import os
import random
import socket
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from performer.controllers.osc import MOST_WAITING, Osc
from performer.controllers.osc_remarks import MOST_SAID
from performer.doors.changes import CAPACITY, Change, ChangesDoor, Kind
from performer.errors import PerformerError
from performer.mapping import Router
from performer.parameters import Table
from tests.rig.osc import (
    ANGLE,
    MACRO,
    POSITION,
    REVERSE,
    STRENGTH,
    TABLE,
    Program,
    Stage,
    X,
    bundle,
    free_port,
    message,
    play,
)


def test_a_message_arrives_as_one_change(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        stage.program().send(message("/bends/twist/angle", 90))
        assert await stage.changes() == [Change(ANGLE, 90.0)]

    play(tmp_path, performance)


def test_a_mapped_address_moves_what_the_map_says(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        stage.program().send(message("/1/fader1", 0.25))
        assert await stage.changes() == [Change(ANGLE, 45.0)]

    play(tmp_path, performance)


def test_a_relative_message_arrives_as_a_relative_change(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        stage.program().send(message("/bends/twist/angle", "-", 5.0))
        assert await stage.changes() == [Change(ANGLE, -5.0, Kind.RELATIVE)]

    play(tmp_path, performance)


def test_a_bundle_lands_whole_on_one_frame(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        inner = bundle(message("/source/reverse", True), message("/bends/shift/x", -1))
        together = bundle(message("/bends/twist/angle", 90), inner, message("/macros/1", 1.0))
        for _ in range(200):
            stage.program().send(together)
            batch: list[Change] = []
            while not batch:
                await asyncio.sleep(0)
                batch = stage.render.drain()
            assert [change.place for change in batch] == [ANGLE, REVERSE, X, MACRO]
            assert all(change.bundled for change in batch)

    play(tmp_path, performance)


def test_a_pattern_sets_all_that_it_matches_on_one_frame(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        stage.program().send(message("/bends/twist/*", 0.5))
        assert await stage.changes(2) == [Change(ANGLE, 0.5), Change(STRENGTH, 0.5)]

    play(tmp_path, performance)


def test_a_bundle_waits_for_its_time(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        due = time.time() + 0.25
        later = bundle(message("/bends/shift/x", 1), message("/macros/1", 1), due=due)
        stage.program().send(bundle(message("/latent/position", 1), later))
        assert [change.place for change in await stage.changes()] == [POSITION]
        assert [change.place for change in await stage.changes(2)] == [X, MACRO]
        assert -0.02 < time.time() - due < 0.2

    play(tmp_path, performance)


@pytest.mark.parametrize("ahead", [-3600.0, 1.5, 3600.0])
def test_a_time_tag_of_a_clock_that_is_wrong_is_not_waited_for(
    tmp_path: Path, ahead: float
) -> None:
    async def performance(stage: Stage) -> None:
        stage.program().send(bundle(message("/bends/shift/x", 1), due=time.time() + ahead))
        await stage.changes(timeout_seconds=0.5)

    play(tmp_path, performance)


def test_only_so_many_bundles_wait_and_none_is_lost(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        program, due = stage.program(), time.time() + 0.95
        for _ in range(MOST_WAITING + 20):
            program.send(bundle(message("/bends/shift/x", 1), due=due))
            await asyncio.sleep(0)
        assert len(await stage.settle(0.1)) == 20
        assert len(await stage.changes(MOST_WAITING)) == MOST_WAITING

    play(tmp_path, performance)


def test_what_waits_is_dropped_when_the_controller_closes(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        stage.program().send(bundle(message("/bends/shift/x", 1), due=time.time() + 0.2))
        await stage.settle()
        stage.osc.close()
        assert await stage.settle(0.3) == []

    play(tmp_path, performance)


def test_a_question_is_answered_to_the_port_that_asked(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        asking, other = stage.program(), stage.program()
        asking.send(message("/bends/twist/angle", 90))
        await stage.changes()
        stage.parameters.restore({"bends.twist.angle": 33.0})
        asking.send(message("/bends/twist/angle", "?"))
        asking.send(message("/1/fader1", "?"))
        await stage.settle()
        assert asking.received() == [
            ("/bends/twist/angle", [33.0]),
            ("/1/fader1", [pytest.approx((90 - 33) / 180)]),
        ]
        assert other.received() == []

    play(tmp_path, performance)


def test_a_question_by_pattern_is_answered_for_each_parameter(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        asking = stage.program()
        asking.send(message("/bends/*/*", "?"))
        await stage.settle()
        assert [address for address, _ in asking.received()] == [
            "/bends/twist/angle",
            "/bends/twist/strength",
            "/bends/shift/x",
        ]

    play(tmp_path, performance)


def test_who_asks_for_what_is_not_there_is_told_so_and_nobody_else(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        asking, setting = stage.program(), stage.program()
        asking.send(message("/bend/twist/angle", "?"))
        asking.send(message("/nowhere?"))
        setting.send(message("/bend/twist/angle", 90))
        await stage.settle()
        assert asking.received() == [
            ("/error", ["there is no /bend/twist/angle; did you mean /bends/twist/angle?"]),
            ("/error", ["there is no /nowhere?"]),
        ]
        assert setting.received() == []
        assert stage.osc.status()["unknown"] == 3

    play(tmp_path, performance)


def test_a_bundle_of_questions_is_answered_in_one_with_what_is_not_there(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        asking = stage.program()
        asked = [message(f"/{name}", "?") for name in ("latent/position", "gone", "gone")]
        asking.send(bundle(*asked, message("/" + "x" * 50_000, "?")))
        await stage.settle()
        told = [address for address, _ in asking.received()]
        assert told == ["/latent/position", "/error", "/error"]
        assert len(asking.datagrams) == 1

    play(tmp_path, performance)


def test_what_cannot_be_followed_is_counted_and_said_once(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        program = stage.program()
        for _ in range(3):
            program.send(message("/bend/twist/angle", 90))
            program.send(message("/bends/twist/angle", math.nan))
            program.send(b"junk")
        program.send(message("/bends/twist/angle", 45))
        assert await stage.changes() == [Change(ANGLE, 45.0)]
        status = stage.osc.status()
        assert status["state"] == "listens"
        counted = {key: status[key] for key in ("messages", "unknown", "refused", "malformed")}
        assert counted == {"messages": 1, "unknown": 3, "refused": 3, "malformed": 3}
        assert status["last"] == "/bends/twist/angle 45"
        assert status["said"] == [
            "there is no /bend/twist/angle; did you mean /bends/twist/angle?",
            "/bends/twist/angle needs a finite number",
            "127.0.0.1 sends what is not OSC: neither a message that we know nor a bundle",
        ]

    play(tmp_path, performance)


def test_only_so_many_unknown_addresses_are_said(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        program = stage.program()
        for number in range(MOST_SAID * 2):
            program.send(message(f"/unknown/{number}", 1))
        while stage.osc.status()["unknown"] < MOST_SAID * 2:
            await asyncio.sleep(0.01)
        status = stage.osc.status()
        assert status["unknown"] == MOST_SAID * 2
        assert len(status["said"]) == MOST_SAID

    play(tmp_path, performance)


def test_nothing_that_a_network_can_send_stops_the_controller(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def performance(stage: Stage) -> None:
        hand, program = random.Random(5), stage.program()
        good = bundle(message("/bends/twist/angle", 90), message("/bends/*/x", "?"))
        for _ in range(1500):
            spoiled = bytearray(good)
            for _ in range(hand.randrange(1, 6)):
                spoiled[hand.randrange(len(good))] = hand.randrange(256)
            program.send(bytes(spoiled[: hand.randrange(len(good) + 1)]))
            await asyncio.sleep(0)
        await stage.settle()
        program.send(message("/bends/twist/angle", 45))
        assert (await stage.changes())[-1] == Change(ANGLE, 45.0)

    play(tmp_path, performance)
    assert caplog.records == []


def test_a_bundle_that_no_frame_can_take_is_refused_whole(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        program = stage.program()
        program.send(bundle(*[message("/bends/*/*", 1)] * (CAPACITY // 3 + 1)))
        assert await stage.settle(0.3) == []
        assert stage.osc.status()["refused"] == 1

    play(tmp_path, performance)


def test_who_sent_something_is_told_what_changes_until_it_is_gone(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        moving, watching = stage.program(), stage.program()
        watching.send(message("/bends/shift/x", 0.0))
        await stage.feed_back()
        moving.send(message("/bends/twist/angle", 45))
        await stage.feed_back()
        assert watching.received() == [("/bends/twist/angle", [45.0]), ("/1/fader1", [0.25])]
        watching.close()
        moving.send(message("/bends/twist/angle", 50))
        await stage.feed_back()
        assert stage.osc.status()["state"] == "listens"

    play(tmp_path, performance)


def test_who_set_a_value_does_not_get_it_back(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        program = stage.program()
        for angle in (10, 20, 30.1):
            program.send(message("/bends/twist/angle", angle))
            await stage.feed_back()
        await stage.feed_back(0.8)
        assert program.received() == []

    play(tmp_path, performance)


def test_who_asked_for_too_much_is_told_where_it_ended(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        program = stage.program()
        program.send(message("/bends/shift/x", 5.0))
        await stage.feed_back(0.3)
        assert program.received() == []
        await stage.feed_back(0.4)
        assert program.received() == [("/bends/shift/x", [1.0]), ("/1/xy", [1.0])]

    play(tmp_path, performance)


def test_targets_are_told_everything_at_first_and_then_what_changes(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        await stage.feed_back()
        assert {address for address, _ in wall.received()} == {
            *(parameter.address for parameter in TABLE.parameters),
            "/1/fader1",
            "/1/xy",
        }
        stage.parameters.restore({"source.reverse": 1.0})
        await stage.feed_back()
        assert wall.received() == [("/source/reverse", [1])]

    with contextlib.closing(Program(0)) as wall:
        play(tmp_path, performance, send=[wall.address])


def test_feedback_comes_thirty_times_a_second_at_most_and_fits_a_frame_of_ethernet(
    tmp_path: Path,
) -> None:
    async def performance(stage: Stage) -> None:
        began = time.monotonic()
        for number in range(100):
            angles = {parameter.name: number / 100 for parameter in TABLE.parameters}
            stage.parameters.restore(angles)
            stage.osc.feedback(stage.values())
            await asyncio.sleep(0.005)
        seconds = time.monotonic() - began
        wall.received()
        assert 8 <= len(wall.datagrams) <= 1 + 34 * seconds
        assert all(len(datagram) <= 1400 for datagram in wall.datagrams)

    with contextlib.closing(Program(0)) as wall:
        play(tmp_path, performance, send=[wall.address])


def test_a_target_that_is_not_found_is_said_and_the_rest_plays(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        while not stage.osc.status()["line"]:
            await asyncio.sleep(0.01)
        assert "no host nowhere.invalid" in stage.osc.status()["line"]
        stage.program().send(message("/bends/twist/angle", 90))
        await stage.changes()

    play(tmp_path, performance, send=["nowhere.invalid:9001"])


def test_a_taken_port_is_said_in_one_line_with_its_mend(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        other = Osc(Osc.Settings(port=stage.port))
        says = rf"osc: port {stage.port} is taken by .* \(process {os.getpid()}\); change `port:`"
        with pytest.raises(PerformerError, match=says):
            await other.start(TABLE, ChangesDoor(tmp_path / "changes"), Router(), False, list)
        other.close()

    play(tmp_path, performance)


def test_the_port_is_free_again_after_the_end(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        stage.osc.close()
        await asyncio.sleep(0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as next_one:
            next_one.bind(("127.0.0.1", stage.port))

    play(tmp_path, performance)


def own_address() -> str:
    """An address of this machine that others could reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # only looks up the route, sends nothing
        except OSError:
            pytest.skip("this machine has no network but its loopback")
        address: str = probe.getsockname()[0]
        return address


@pytest.mark.parametrize("lan", [False, True])
def test_others_are_heard_only_with_lan_but_can_be_told_without(tmp_path: Path, lan: bool) -> None:
    host = own_address()
    port = free_port()

    async def performance(stage: Stage) -> None:
        outsider.send(message("/bends/twist/angle", 90))
        assert bool(await stage.settle(0.1)) == lan
        stage.parameters.restore({"bends.twist.angle": 12.0})
        await stage.feed_back(0.7)
        assert ("/bends/twist/angle", [12.0]) in outsider.received()

    with contextlib.closing(Program(port, host)) as outsider:
        play(tmp_path, performance, lan=lan, port=port, send=[outsider.address])


def test_a_burst_at_full_speed_leaves_the_last_value_standing(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        program = stage.program()
        for number in range(2000):
            program.send(message("/latent/position", number / 2000))
        program.send(message("/latent/position", 1.0))
        last: list[Change] = []
        while not last or last[-1].value != 1.0:
            last = await stage.changes() or last

    play(tmp_path, performance)


@pytest.mark.parametrize("port", [0, 70_000])
def test_a_port_that_cannot_be_is_refused_at_the_door(port: int) -> None:
    with pytest.raises(ValidationError):
        Osc.Settings(port=port)


@pytest.mark.parametrize("target", ["10.0.0.1", "10.0.0.1:0", "10.0.0.1:70000", ":9001", "a b:1"])
def test_a_target_that_cannot_be_is_refused_at_the_door(target: str) -> None:
    with pytest.raises(ValidationError, match="host:port such as"):
        Osc.Settings(send=(target,))


@pytest.mark.parametrize("message", ["/1/fader1", "/a", "/latent/position", "/1/push-2_x.y"])
def test_an_address_may_stand_in_the_map(message: str) -> None:
    assert Osc.check_message(Osc.Settings(), message) is None


@pytest.mark.parametrize("message", ["", "1/fader1", "/", "/a/", "/a//b", "/a/*", "/a b", "/ä"])
def test_what_is_no_address_is_named_with_its_mend(message: str) -> None:
    found = Osc.check_message(Osc.Settings(), message)
    assert found is not None
    assert "/1/fader1" in found[1]


def test_a_scene_is_called_by_its_name_and_one_that_is_not_there_is_said(tmp_path: Path) -> None:
    async def performance(stage: Stage) -> None:
        program = stage.program()
        for argument in ("finale", "final", 3):
            program.send(message("/scene", argument))
        await stage.settle()
        assert stage.called == ["finale"]
        said = stage.osc.status()["said"]
        assert said == [
            "final: there is no such scene; try finale",
            "/scene needs the name of a scene",
        ]

    play(tmp_path, performance)


def test_the_next_scene_is_played_at_once_and_what_waits_lands_where_its_parameter_is(
    tmp_path: Path,
) -> None:
    async def performance(stage: Stage) -> None:
        program = stage.program()
        later = time.time() + 0.3
        program.send(bundle(message("/bends/twist/angle", 45.0), due=later))
        await stage.settle()
        turned = Table([TABLE.parameters[ANGLE], TABLE.parameters[POSITION]])
        stage.osc.take_up(turned, Router())
        program.send(message("/latent/position", 0.5))
        assert await stage.changes(2) == [Change(1, 0.5), Change(0, 45.0, bundled=True)]
        program.send(message("/macros/1", 0.5))
        await asyncio.sleep(0.05)
        assert stage.osc.status()["unknown"] == 1

    play(tmp_path, performance)
