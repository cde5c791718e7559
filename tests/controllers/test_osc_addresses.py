import math
import time
from typing import Any

import numpy as np
import pytest

from model.knob import Knob
from performer.controllers import osc_packet
from performer.controllers.osc_addresses import Addresses, RefusedError, UnknownAddressError
from performer.controllers.osc_packet import Message
from performer.doors.changes import Change, Kind
from performer.mapping import Route, Router
from performer.parameters import Parameter, Table
from tests.rig.osc import ANGLE, MACRO, POSITION, REVERSE, ROUTER, STRENGTH, TABLE, X

ADDRESSES = Addresses(TABLE, ROUTER)
VALUES = np.array([0.5, 45.0, 1.0, -1.0, 1.0, 0.25])


def changes(pattern: str, *arguments: Any) -> tuple[Change, ...]:
    return ADDRESSES.request(pattern, arguments).changes


def reply(address: str) -> Message:
    (message,) = osc_packet.read(ADDRESSES.reply(address, VALUES))
    return message


def test_a_parameter_is_set_at_its_own_address_in_its_own_units() -> None:
    assert changes("/bends/twist/angle", 90) == (Change(ANGLE, 90.0),)
    assert changes("/bends/twist/angle", -12.5) == (Change(ANGLE, -12.5),)


def test_true_and_false_are_one_and_nothing() -> None:
    assert changes("/source/reverse", True) == (Change(REVERSE, 1.0),)
    assert changes("/source/reverse", False) == (Change(REVERSE, 0.0),)


def test_an_address_of_the_map_takes_a_position() -> None:
    assert changes("/1/fader1", 0.25) == (Change(ANGLE, 45.0),)
    assert changes("/1/fader1", 7.0) == (Change(ANGLE, -90.0),)


def test_plus_and_minus_move_a_value_from_where_it_is() -> None:
    assert changes("/bends/twist/angle", "+", 5) == (Change(ANGLE, 5.0, Kind.RELATIVE),)
    assert changes("/bends/twist/angle", "-", 5) == (Change(ANGLE, -5.0, Kind.RELATIVE),)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (1, 2),
        ("90",),
        (None,),
        ([1.0],),
        (b"\x01",),
        ((0, 144, 60, 1),),
        ("+",),
        ("+", "5"),
        ("*", 5),
        ([1], 5),
    ],
)
def test_anything_but_one_number_is_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(RefusedError, match="needs one number"):
        changes("/bends/twist/angle", *arguments)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused(number: float) -> None:
    for address in ("/bends/twist/angle", "/1/fader1"):
        with pytest.raises(RefusedError, match="finite"):
            changes(address, number)
    with pytest.raises(RefusedError, match="finite"):
        changes("/bends/twist/angle", "+", number)


def test_a_position_cannot_be_nudged() -> None:
    with pytest.raises(RefusedError):
        changes("/1/fader1", "+", 0.1)


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        ("/bends/*/angle", {ANGLE}),
        ("/bends/twist/*", {ANGLE, STRENGTH}),
        ("/*/*/*", {ANGLE, STRENGTH, X}),
        ("/bends/{twist,shift}/{angle,x}", {ANGLE, X}),
        ("/bends/[a-t]wist/angle", {ANGLE}),
        ("/bends/[!s]*/*", {ANGLE, STRENGTH}),
        ("/latent/positio?", {POSITION}),
        ("/*/fader1", {ANGLE}),
        ("/macros/[0-9]", {MACRO}),
    ],
)
def test_a_pattern_means_all_addresses_that_it_matches(pattern: str, places: set[int]) -> None:
    assert {change.place for change in changes(pattern, 1)} == places


@pytest.mark.parametrize(
    "pattern",
    [
        "/*",
        "/bends/*",
        "/bends*angle",
        "/bends/{twist/angle",
        "/bends/[/angle",
        "/bends/twist/angle/*",
        "/bends/{" + ",".join("abcdefghijklmnopqrst") + "}/x",
        "/" + "{a,b}" * 40,
        "/" + "*a" * 120 + "b",
        "/" + "*" * 5000,
    ],
)
def test_a_pattern_that_matches_nothing_is_unknown_and_takes_no_time(pattern: str) -> None:
    start = time.perf_counter()
    with pytest.raises(UnknownAddressError):
        changes(pattern, 1)
    assert time.perf_counter() - start < 0.5


def test_an_unknown_address_is_told_with_the_closest_one_there_is() -> None:
    with pytest.raises(UnknownAddressError, match=r"no /bend/twist/angle; did you mean /bends/tw"):
        changes("/bend/twist/angle", 1)


def test_a_long_unknown_address_is_told_shortly() -> None:
    with pytest.raises(UnknownAddressError) as error:
        changes("/" + "x" * 50_000, 1)
    assert len(str(error.value)) < 120


def test_a_question_asks_for_the_value_and_changes_nothing() -> None:
    request = ADDRESSES.request("/bends/twist/*", ("?",))
    assert request.changes == ()
    assert request.queried == ("/bends/twist/angle", "/bends/twist/strength")


def test_the_answer_is_in_the_units_of_the_address() -> None:
    assert reply("/bends/twist/angle") == Message("/bends/twist/angle", (45.0,))
    assert reply("/1/fader1") == Message("/1/fader1", (0.25,))


def test_whole_numbers_and_switches_are_told_as_integers() -> None:
    (value,) = reply("/source/reverse").arguments
    assert isinstance(value, int)
    assert value == 1


def test_a_value_is_fed_back_at_all_its_addresses() -> None:
    told = [osc_packet.read(each)[0] for each in ADDRESSES.feedback(ANGLE, VALUES)]
    assert told == [Message("/bends/twist/angle", (45.0,)), Message("/1/fader1", (0.25,))]


def test_the_map_may_give_a_parameter_s_own_address_another_meaning() -> None:
    table = Table([Parameter("a.b", Knob(0, 1), 0.0), Parameter("c.d", Knob(0, 10), 0.0)])
    addresses = Addresses(table, Router([("/a/b", Route(1, Knob(0, 10)))]))
    assert addresses.request("/a/b", (0.5,)).changes == (Change(1, 5.0),)
    assert list(addresses.feedback(0, np.zeros(2))) == []
    assert len(list(addresses.feedback(1, np.zeros(2)))) == 2


def test_panic_needs_no_argument_and_everything_else_does() -> None:
    panic = Parameter("panic", Knob(0, 1, step=1), 0.0)
    addresses = Addresses(Table([*TABLE.parameters, panic]), ROUTER)
    assert addresses.request("/panic", ()).changes == (Change(len(TABLE), 1.0),)
    assert addresses.request("/panic", (0,)).changes == (Change(len(TABLE), 0.0),)
    with pytest.raises(RefusedError):
        addresses.request("/bends/twist/angle", ())
