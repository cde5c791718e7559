"""Where the page is: the socket it listens on, and by which names it may be asked for."""

import errno
import ipaddress
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil

from performer.errors import PerformerError
from performer.ports import holder

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_ANYWHERE = "192.0.2.1"  # a documentation address: asking for the way there sends nothing
_STANDARD_PORTS = {"http": 80, "https": 443}
_TOKEN_BYTES = 16


class PortError(PerformerError):
    """The page's port cannot be had; the message is the one clear line."""


@dataclass(frozen=True, slots=True)
class Address:
    """The page's place; ``hosts`` are its only names, ``token`` what opens it (None: nothing)."""

    scheme: str
    host: str
    port: int
    hosts: frozenset[str]
    token: str | None = None

    @property
    def origins(self) -> frozenset[str]:
        """The origins of our own page, by every name it may be asked for."""
        return frozenset(f"{self.scheme}://{host}" for host in self.hosts)

    @property
    def url(self) -> str:
        """What to open in a browser, with the token where one is needed."""
        place = f"{self.scheme}://{self.host}:{self.port}/"
        return f"{place}?token={self.token}" if self.token else place


def listen(port: int, *, lan: bool) -> socket.socket:
    """The socket of the page, bound; ``port`` 0 takes a free one. Errors: PortError."""
    try:
        return socket.create_server(("0.0.0.0" if lan else "127.0.0.1", port))  # noqa: S104
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            who = holder(port, "tcp")
            what = f"is taken by {who}; close it, or use --page-port {port + 1}"
        else:
            what = f"cannot be used: {error.strerror}; use --page-port 8400"
        raise PortError(f"page: port {port} {what}") from error


def loopback(port: int) -> Address:
    """For this machine alone."""
    return Address("http", "127.0.0.1", port, _with_port("http", _LOOPBACK, port))


def lan(port: int, token: str) -> Address:
    """For everybody near who has the token."""
    names = {*_LOOPBACK, *machine_names(), *map(_bracketed, machine_addresses())}
    return Address("https", outward_address(), port, _with_port("https", names, port), token)


def run_token(root: Path) -> str:
    """The token of this run; a control process that comes back finds the same one."""
    file = root / "page.token"
    try:
        with file.open("x", encoding="ascii") as new:
            file.chmod(0o600)
            new.write(secrets.token_urlsafe(_TOKEN_BYTES))
    except FileExistsError:
        pass  # of the control process before this one
    return file.read_text(encoding="ascii")


def machine_addresses() -> list[str]:
    """The IP addresses of this machine, without the scopes of link-local ones."""
    families = (socket.AF_INET, socket.AF_INET6)
    cards = psutil.net_if_addrs().values()
    found = {entry.address for card in cards for entry in card if entry.family in families}
    return sorted(address.partition("%")[0] for address in found)


def machine_names() -> list[str]:
    """What this machine is called, plainly and in multicast DNS."""
    name = socket.gethostname().lower()
    return [name, name.partition(".")[0] + ".local"]


def outward_address() -> str:
    """The address by which others reach this machine; loopback where there is no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_ANYWHERE, 9))
        except OSError:
            return _first_outward()
        found: str = probe.getsockname()[0]
        return found


def _first_outward() -> str:
    addresses = [ipaddress.ip_address(address) for address in machine_addresses()]
    outward = [str(one) for one in addresses if one.version == 4 and not one.is_loopback]
    return (outward or ["127.0.0.1"])[0]


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _with_port(scheme: str, names: "set[str] | tuple[str, ...]", port: int) -> frozenset[str]:
    hosts = {f"{name}:{port}" for name in names}
    if port == _STANDARD_PORTS[scheme]:
        hosts |= set(names)  # browsers leave it out
    return frozenset(hosts)
