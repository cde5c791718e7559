"""OSC packets: what a datagram says, read within limits, and what we send.

Messages are read by python-osc. Bundles are walked here, because python-osc goes round for ever in
one whose element has a negative size, recurses as deep as a sender likes, and logs a line for each
element or argument that it does not know. OSC 1.0: https://opensoundcontrol.stanford.edu/spec-1_0
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pythonosc.osc_message import OscMessage, ParseError
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.parsing import osc_types

MOST_DEPTH = 8  # bundles within bundles
MOST_ARGUMENTS = 64
LARGEST_SENT = 1400  # bytes; fits one Ethernet frame, so that no half of it gets lost
_BUNDLE = b"#bundle\x00"
_SIZE = struct.Struct(">i")
_AT_ONCE = struct.pack(">Q", 1)
_START = len(_BUNDLE) + len(_AT_ONCE)
_TAGS = b",ihfdsbrmtTFN[]"


class PacketError(Exception):
    """A datagram that is not OSC, or more of it than anybody needs."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; ``due`` is the time tag of its bundle in seconds since 1970 (0: at once)."""

    address: str
    arguments: tuple[Any, ...]
    due: float = 0.0


def is_bundle(datagram: bytes) -> bool:
    """Whether the messages in ``datagram`` belong together."""
    return datagram.startswith(_BUNDLE)


def read(datagram: bytes) -> list[Message]:
    """All messages in ``datagram``, nested bundles unfolded. Errors: PacketError for any part."""
    try:
        return list(_messages(datagram, 0.0, 0))
    except (ParseError, osc_types.ParseError, struct.error, ValueError, OverflowError) as error:
        raise PacketError("a message that ends too early or is no text") from error


def _messages(data: bytes, due: float, depth: int) -> Iterator[Message]:
    if not is_bundle(data):
        yield _message(data, due)
        return
    if depth == MOST_DEPTH:
        raise PacketError("bundles nest too deep")
    due, place = osc_types.get_date(data, len(_BUNDLE))
    while place < len(data):
        (size,) = _SIZE.unpack_from(data, place)
        place += _SIZE.size
        if size < 0 or place + size > len(data):
            raise PacketError("an element is larger than its bundle")
        yield from _messages(data[place : place + size], due, depth + 1)
        place += size


def _message(data: bytes, due: float) -> Message:
    tags = _type_tags(data)
    if not data.startswith(b"/") or len(tags) > MOST_ARGUMENTS or tags.translate(None, _TAGS):
        raise PacketError("neither a message that we know nor a bundle")
    message = OscMessage(data)
    return Message(message.address, tuple(message.params), due)


def _type_tags(data: bytes) -> bytes:
    start = (data.find(b"\x00") // 4 + 1) * 4
    return data[start : max(data.find(b"\x00", start), start)]


def message(address: str, value: float | str) -> bytes:
    """A message with a text or a number: ``int`` is sent as int32, any other as float32."""
    builder = OscMessageBuilder(address)
    builder.add_arg(value if isinstance(value, int | str) else float(value))
    return builder.build().dgram


def datagrams(messages: Iterable[bytes], largest: int = LARGEST_SENT) -> list[bytes]:
    """``messages`` in as few datagrams as hold them, as bundles where more than one fits."""
    packed: list[list[bytes]] = []
    room = 0
    for each in messages:
        size = _SIZE.size + len(each)
        if size > room:
            packed.append([])
            room = largest - _START
        packed[-1].append(each)
        room -= size
    return [_joined(together) for together in packed]


def _joined(messages: list[bytes]) -> bytes:
    if len(messages) == 1:
        return messages[0]
    elements = (_SIZE.pack(len(each)) + each for each in messages)
    return b"".join([_BUNDLE, _AT_ONCE, *elements])
