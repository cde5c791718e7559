"""Who is told over OSC when values change, and what each of them knows already.

A surface that set a value must not get it back while the hand is still on it, else faders jitter
or two programs send one value round and round. So each peer has a note of the value that it knows
for every parameter, and is left in peace for a while after it set one; it is told again where
the value came to stand elsewhere than it asked.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from performer.doors.changes import Change, Kind
from performer.parameters import Table
from performer.spaces import Values

Address = tuple[str, int]  # host, port

MOST_SENDERS = 8
FORGET_SECONDS = 60.0
QUIET_SECONDS = 0.5  # after a value has arrived where the peer sent it
_TARGET = re.compile(r"^([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?):(\d{1,5})$")


def checked_target(text: str) -> str:
    """One of ``send:``, as it is. Errors: ValueError."""
    match = _TARGET.match(text)
    if not match or not 0 < int(match[2]) < 1 << 16:
        raise ValueError(f"{text} is not host:port such as 192.168.0.20:9001")
    return text


class Peer:
    """One program that is told; ``known`` is what it knows, by place (NaN: nothing yet)."""

    def __init__(self, known: Values) -> None:
        self.known = known
        self.seen = 0.0
        self._quiet_until = np.zeros(len(known))

    def hush(self, place: int, until: float) -> None:
        """Tell nothing about the parameter at ``place`` until then."""
        self._quiet_until[place] = until

    def take_up(self, moved: Mapping[int, int], count: int) -> None:
        """``count`` parameters of another scene, of which it knows those that were ``moved``."""
        before, after = list(moved), list(moved.values())
        known, quiet_until = np.full(count, np.nan), np.zeros(count)
        known[after], quiet_until[after] = self.known[before], self._quiet_until[before]
        self.known, self._quiet_until = known, quiet_until

    def due(self, values: Values, now: float) -> npt.NDArray[np.intp]:
        """The places whose value it should be told."""
        return np.flatnonzero((values != self.known) & (now >= self._quiet_until))


class Peers:
    """The targets that the scene names, which are told everything from the start, and the programs
    that sent something lately, which are told what changes from then on.

    Times are seconds of one clock, whichever the caller has.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._targets: dict[Address, Peer] = {}
        self._senders: dict[Address, Peer] = {}

    def __iter__(self) -> Iterator[tuple[Address, Peer]]:
        yield from self._targets.items()
        yield from self._senders.items()

    def take_up(self, table: Table) -> None:
        """The parameters of another scene; who is told stays, and hears of those that are new."""
        moved = table.moved_from(self._table)
        self._table = table
        for _, peer in self:
            peer.take_up(moved, len(table))

    def add_target(self, address: Address) -> None:
        """Tell ``address`` for as long as the scene plays."""
        self._senders.pop(address, None)
        self._targets[address] = Peer(np.full(len(self._table), np.nan))

    def heard(self, sender: Address, values: Callable[[], Values], now: float) -> None:
        """``sender`` sent something that we understood; it may see where everything stands."""
        if sender in self._targets:
            return
        peer = self._senders.pop(sender, None) or Peer(values())
        peer.seen = now
        self._senders[sender] = peer  # now the newest
        if len(self._senders) > MOST_SENDERS:
            del self._senders[next(iter(self._senders))]

    def forget(self, now: float) -> None:
        """Leave out who has not sent anything for a while."""
        old = [each for each, peer in self._senders.items() if now - peer.seen > FORGET_SECONDS]
        for sender in old:
            del self._senders[sender]

    def has_set(self, sender: Address, changes: Iterable[Change], now: float) -> None:
        """``sender`` knows these values, for it asked for them; a relative change tells it none."""
        same = [peer for address, peer in self if _same_program(address, sender)]
        exact = self._targets.get(sender) or self._senders.get(sender)
        for change in changes:
            if change.kind is Kind.RELATIVE:
                continue
            until = now + self._glide_seconds(change) + QUIET_SECONDS
            for peer in same:
                peer.hush(change.place, until)
            if exact is not None:
                exact.known[change.place] = change.value

    def _glide_seconds(self, change: Change) -> float:
        own = self._table.parameters[change.place].knob.glide_seconds
        return own if change.glide_seconds is None else change.glide_seconds


def _same_program(peer: Address, sender: Address) -> bool:
    """A surface may send from another port than it listens on; on this machine, we cannot tell."""
    return peer == sender or (peer[0] == sender[0] and not is_loopback(sender))


def is_loopback(address: Address) -> bool:
    """Whether ``address`` is this machine, by its loopback."""
    return ipaddress.ip_address(address[0]).is_loopback
