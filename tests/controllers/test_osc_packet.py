import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from performer.controllers import osc_packet
from performer.controllers.osc_packet import Message, PacketError
from tests.rig.osc import bundle, message

BUNDLE = b"#bundle\x00" + struct.pack(">Q", 1)


def test_numbers_of_every_type_are_read() -> None:
    datagram = message("/a", 1, 0.5, 0.25, 1 << 40, True, False, "text", types="ifdhTFs")
    arguments = (1, 0.5, 0.25, 1 << 40, True, False, "text")
    assert osc_packet.read(datagram) == [Message("/a", arguments)]


def test_a_message_without_arguments_is_read() -> None:
    assert osc_packet.read(message("/a")) == [Message("/a", ())]
    assert osc_packet.read(b"/a\x00\x00") == [Message("/a", ())]


def test_nested_bundles_are_unfolded_each_with_its_time() -> None:
    due = time.time() + 0.5
    inner = bundle(message("/b", 2), message("/c", 3), due=due)
    first, *rest = osc_packet.read(bundle(message("/a", 1), inner))
    assert first == Message("/a", (1,), 0.0)
    assert [each.address for each in rest] == ["/b", "/c"]
    assert [each.due for each in rest] == pytest.approx([due, due], abs=1e-3)


def test_a_float_may_come_without_its_last_zero_bytes_as_reaktor_sends_it() -> None:
    assert osc_packet.read(b"/a\x00\x00,f\x00\x00\x3f") == [Message("/a", (0.5,))]


def test_an_empty_bundle_says_nothing() -> None:
    assert osc_packet.read(BUNDLE) == []


def nested(depth: int) -> bytes:
    datagram = message("/a", 1)
    for _ in range(depth):
        datagram = bundle(datagram)
    return datagram


def test_bundles_nest_only_so_deep() -> None:
    assert osc_packet.read(nested(osc_packet.MOST_DEPTH))
    with pytest.raises(PacketError, match="nest too deep"):
        osc_packet.read(nested(osc_packet.MOST_DEPTH + 1))


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\x00",
        b"hello",
        b"GET / HTTP/1.1\r\n\r\n",
        b"/a",
        b"/a\x00\x00,i\x00\x00",
        b"/a\x00\x00,d\x00\x00\x00\x00\x00\x00",
        b"/a\x00\x00f\x00\x00\x00",
        b"/\xff\xfe\x00,i\x00\x00\x00\x00\x00\x01",
        b"/a\x00\x00,i[\x00\x00\x00\x00\x01",
        b"/a\x00\x00,b\x00\x00\x7f\xff\xff\xff",
        b"/a\x00\x00,I\x00\x00",
        b"#bundle\x00",
        BUNDLE + b"\x00\x00\x00",
        BUNDLE + b"\xff\xff\xff\xfc",
        BUNDLE + b"\xff\xff\xff\xff",
        BUNDLE + b"\x80\x00\x00\x00" * 4,
        BUNDLE + b"\x00\x00\x00\x00",
        BUNDLE + b"\x7f\xff\xff\xff/a\x00\x00",
        BUNDLE + b"\x00\x00\x00\x04junk",
        message("/a", *range(osc_packet.MOST_ARGUMENTS)),
        nested(500),
        b"\xff" * 64,
        b"/" + b"a" * 60_000,
    ],
)
def test_what_is_not_osc_is_refused_in_one_word_and_at_once(datagram: bytes) -> None:
    start = time.perf_counter()
    with pytest.raises(PacketError):
        osc_packet.read(datagram)
    assert time.perf_counter() - start < 1.0


def test_one_bad_message_spoils_its_whole_bundle() -> None:
    with pytest.raises(PacketError):
        osc_packet.read(bundle(message("/a", 1), b"/b\x00\x00,i\x00\x00"))


ELEMENTS = st.recursive(
    st.binary(max_size=40) | st.builds(lambda value: message("/a/b", value), st.floats(width=32)),
    lambda inner: st.lists(inner, max_size=4).map(lambda elements: bundle(*elements)),
    max_leaves=10,
)


@settings(deadline=None)
@given(ELEMENTS | st.binary(max_size=200), st.binary(max_size=8), st.integers(0, 200))
def test_anything_else_is_read_or_refused_but_never_fails(
    datagram: bytes, noise: bytes, place: int
) -> None:
    spoiled = datagram[:place] + noise + datagram[place + len(noise) :]
    try:
        messages = osc_packet.read(spoiled)
    except PacketError:
        return
    assert all(isinstance(each, Message) for each in messages)


def test_what_we_send_can_be_read() -> None:
    assert osc_packet.read(osc_packet.message("/a", 0.5)) == [Message("/a", (0.5,))]
    assert osc_packet.read(osc_packet.message("/a", 3)) == [Message("/a", (3,))]


def test_one_message_goes_as_it_is_and_several_as_a_bundle() -> None:
    one, other = osc_packet.message("/a", 1.0), osc_packet.message("/b", 2.0)
    assert osc_packet.datagrams([one]) == [one]
    (together,) = osc_packet.datagrams([one, other])
    assert osc_packet.read(together) == [Message("/a", (1.0,)), Message("/b", (2.0,))]
    assert osc_packet.datagrams([]) == []


def test_many_messages_go_in_datagrams_that_fit_a_frame_of_ethernet() -> None:
    messages = [osc_packet.message(f"/bends/twist/{number}", 1.0) for number in range(200)]
    datagrams = osc_packet.datagrams(messages)
    assert all(len(datagram) <= 1400 for datagram in datagrams)
    assert len(datagrams) <= 6
    read = [each.address for datagram in datagrams for each in osc_packet.read(datagram)]
    assert read == [f"/bends/twist/{number}" for number in range(200)]
