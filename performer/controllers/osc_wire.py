"""The sockets of OSC, on asyncio: what comes in at the port, and what goes out to anybody."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterable

from performer.controllers.osc_peers import Address, is_loopback
from performer.errors import PerformerError
from performer.ports import holder

_LOOPBACK, _EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104  (all interfaces only with --lan)
_RECEIVE_BYTES = 4 << 20  # a burst of some 20 000 messages; the system may grant less

Receive = Callable[[bytes, Address], None]


class _Socket(asyncio.DatagramProtocol):
    """One socket. What UDP reports as errors is only that some peer is gone."""

    transport: asyncio.DatagramTransport

    def __init__(self, receive: Receive | None = None) -> None:
        self.full = False
        self._receive = receive

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self._receive is not None:
            self._receive(data, addr)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False


class Wire:
    """One port, and where it is asked for a way out beyond this machine."""

    def __init__(self, receive: Receive) -> None:
        self._inward = _Socket(receive)
        self._outward = _Socket()

    async def open(self, port: int, lan: bool, beyond: bool) -> None:
        """Take ``port``, on all interfaces only with ``lan``. Errors: PerformerError.

        Without ``lan``, what goes ``beyond`` this machine needs a socket of its own, which hears
        nothing.
        """
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as undo:  # or we would keep the port from ourselves
            listening = listen(port, lan=lan)
            undo.callback(listening.close)
            found = await loop.create_datagram_endpoint(lambda: self._inward, sock=listening)
            self._inward.transport = found[0]
            undo.callback(found[0].close)
            if lan or not beyond:
                self._outward = self._inward
            else:  # what is bound to the loopback cannot send beyond it
                address = (_EVERYWHERE, 0)
                made = loop.create_datagram_endpoint(lambda: self._outward, local_addr=address)
                found = await made
                self._outward.transport = found[0]
            undo.pop_all()

    def send(self, datagrams: Iterable[bytes], address: Address) -> bool:
        """Send, from the port where that can be; False while the network takes nothing more."""
        way = self._inward if is_loopback(address) else self._outward
        if way.full:
            return False
        for datagram in datagrams:
            way.transport.sendto(datagram, address)
        return True

    def close(self) -> None:
        """Give the port back."""
        for each in (self._inward, self._outward):
            each.transport.close()


def listen(port: int, *, lan: bool) -> socket.socket:
    """A socket that listens at ``port``, on all interfaces with ``lan``. Errors: PerformerError."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        taken.setblocking(False)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        taken.bind((_EVERYWHERE if lan else _LOOPBACK, port))
    except OSError as error:
        taken.close()
        busy = error.errno == errno.EADDRINUSE
        why = (
            f"is taken by {holder(port, 'udp')}" if busy else f"cannot be taken ({error.strerror})"
        )
        raise PerformerError(f"osc: port {port} {why}; change `port:` of the controller") from error
    return taken
