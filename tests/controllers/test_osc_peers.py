from dataclasses import replace

import numpy as np

from model.knob import Knob
from performer.controllers.osc_peers import (
    FORGET_SECONDS,
    MOST_SENDERS,
    QUIET_SECONDS,
    Address,
    Peers,
)
from performer.doors.changes import Change, Kind
from performer.parameters import Parameter, Table
from performer.spaces import Values

TABLE = Table(
    [
        Parameter("a.fast", Knob(0, 1, glide_seconds=0), 0.0),
        Parameter("a.slow", Knob(0, 1, glide_seconds=2.0), 0.0),
    ]
)
FAST, SLOW = range(2)
START = np.zeros(2)
PHONE, TABLET = ("192.168.0.20", 50_000), ("192.168.0.21", 50_000)
WALL = ("192.168.0.20", 9001)


def peers(*senders: Address, targets: tuple[Address, ...] = ()) -> Peers:
    made = Peers(TABLE)
    for target in targets:
        made.add_target(target)
        dict(made)[target].known[:] = START
    for sender in senders:
        made.heard(sender, START.copy, 0.0)
    return made


def told(all_peers: Peers, address: Address, values: Values, now: float) -> list[int]:
    due: list[int] = dict(all_peers)[address].due(values, now).tolist()
    return due


def test_a_target_is_told_everything_at_first() -> None:
    made = Peers(TABLE)
    made.add_target(WALL)
    assert told(made, WALL, START, 0.0) == [FAST, SLOW]


def test_a_sender_is_told_only_what_changes_after_it_came() -> None:
    made = peers(PHONE)
    assert told(made, PHONE, START, 0.0) == []
    assert told(made, PHONE, np.array([0.5, 0]), 0.0) == [FAST]


def test_who_set_a_value_is_not_told_it_again() -> None:
    made = peers(PHONE, TABLET)
    made.has_set(PHONE, [Change(FAST, 0.5)], 10.0)
    now = np.array([0.5, 0])
    assert told(made, PHONE, now, 10.1) == []
    assert told(made, PHONE, now, 60.0) == []
    assert told(made, TABLET, now, 10.1) == [FAST]


def test_who_asked_for_too_much_is_told_a_little_later_where_it_ended() -> None:
    made = peers(PHONE)
    made.has_set(PHONE, [Change(FAST, 5.0)], 10.0)
    ended = np.array([1.0, 0])
    assert told(made, PHONE, ended, 10 + QUIET_SECONDS - 0.1) == []
    assert told(made, PHONE, ended, 10 + QUIET_SECONDS) == [FAST]


def test_who_set_a_value_does_not_see_it_glide() -> None:
    made = peers(PHONE)
    made.has_set(PHONE, [Change(SLOW, 1.0)], 10.0)
    assert told(made, PHONE, np.array([0, 0.4]), 11.0) == []
    made.has_set(PHONE, [Change(SLOW, 0.0, glide_seconds=30.0)], 20.0)
    assert told(made, PHONE, np.array([0, 0.4]), 49.0) == []


def test_who_nudged_a_value_is_told_where_it_stands_now() -> None:
    made = peers(PHONE)
    made.has_set(PHONE, [replace(Change(FAST, 0.1), kind=Kind.RELATIVE)], 10.0)
    assert told(made, PHONE, np.array([0.1, 0]), 10.0) == [FAST]


def test_another_hand_on_the_same_value_is_seen_after_the_quiet() -> None:
    made = peers(PHONE)
    made.has_set(PHONE, [Change(FAST, 0.5)], 10.0)
    assert told(made, PHONE, np.array([0.7, 0]), 11.0) == [FAST]


def test_a_surface_that_listens_at_another_port_is_left_in_peace_too() -> None:
    made = peers(PHONE, targets=(WALL,))
    made.has_set(PHONE, [Change(FAST, 0.5)], 10.0)
    now = np.array([0.5, 0])
    assert told(made, WALL, now, 10.1) == []
    assert told(made, WALL, now, 10 + QUIET_SECONDS) == [FAST]


def test_on_this_machine_every_port_is_a_program_of_its_own() -> None:
    sender, target = ("127.0.0.1", 50_000), ("127.0.0.1", 9001)
    made = peers(sender, targets=(target,))
    made.has_set(sender, [Change(FAST, 0.5)], 10.0)
    assert told(made, target, np.array([0.5, 0]), 10.0) == [FAST]


def test_a_target_that_sends_is_told_once_and_not_its_own_values() -> None:
    made = peers(targets=(PHONE,))
    made.heard(PHONE, START.copy, 0.0)
    made.has_set(PHONE, [Change(FAST, 0.5)], 10.0)
    assert [address for address, _ in made] == [PHONE]
    assert told(made, PHONE, np.array([0.5, 0]), 20.0) == []


def test_only_so_many_senders_are_remembered_the_newest() -> None:
    addresses = [("192.168.0.20", port) for port in range(1, 20)]
    made = peers(*addresses, targets=(WALL,))
    assert [address for address, _ in made] == [WALL, *addresses[-MOST_SENDERS:]]


def test_who_keeps_sending_is_not_pushed_out() -> None:
    made = peers(PHONE)
    for port in range(1, 20):
        made.heard(("192.168.0.30", port), START.copy, 1.0)
        made.heard(PHONE, START.copy, 1.0)
    assert PHONE in dict(made)


def test_who_is_silent_for_a_minute_is_forgotten_but_never_a_target() -> None:
    made = peers(PHONE, targets=(WALL,))
    made.heard(TABLET, START.copy, 30.0)
    made.forget(FORGET_SECONDS + 1)
    assert [address for address, _ in made] == [WALL, TABLET]


def test_who_is_told_stays_in_the_next_scene_and_hears_of_what_is_new() -> None:
    new = Parameter("b.new", Knob(0, 1), 0.0)
    all_peers = peers(PHONE)
    all_peers.has_set(PHONE, [Change(SLOW, 1.0)], 0.0)
    all_peers.take_up(Table([new, TABLE.parameters[SLOW]]))
    values = np.array([0.0, 0.5])
    assert told(all_peers, PHONE, values, 0.1) == [0]
    assert told(all_peers, PHONE, values, 2.0 + QUIET_SECONDS) == [0, 1]
