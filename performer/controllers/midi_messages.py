"""MIDI messages: how the map names them, and where they say that the hand is.

Names: ``cc 21``, ``cc 1+33`` (14 bit: the coarse and the fine one), ``note 36``, ``bend``; each on
all channels, or with ``channel 2`` behind it on one. MIDI 1.0, channels counted from 1.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mido

EXAMPLES = "cc 21, cc 21 channel 2, cc 1+33, note 36 or bend"
_NAME = re.compile(r"^(?:cc (\d{1,3})(?:\+(\d{1,3}))?|note (\d{1,3})|bend)(?: channel (\d{1,2}))?$")
_LARGEST, _LARGEST_FINE = 127, 16383  # 7 and 14 bits


@dataclass(frozen=True, slots=True)
class Message:
    """What a hand sends: ``kind`` is ``cc`` (``fine``: with its second half), ``note`` or ``bend``.

    ``channel`` is 1 … 16, or None for all of them.
    """

    kind: str
    number: int = 0
    fine: int | None = None
    channel: int | None = None

    @classmethod
    def named(cls, text: str) -> "Message":
        """The message that the map names so. Errors: ValueError."""
        match = _NAME.match(text)
        if match is None:
            raise ValueError(f"{text or 'nothing'} is not a MIDI message")
        control, fine, note, channel = (int(each) if each else None for each in match.groups())
        if max(control or 0, fine or 0, note or 0) > _LARGEST:
            raise ValueError(f"{text}: MIDI numbers end at {_LARGEST}")
        if channel is not None and not 1 <= channel <= 16:
            raise ValueError(f"{text}: MIDI channels are 1 to 16")
        return cls(text.split()[0], note or control or 0, fine, channel)


@dataclass(frozen=True, slots=True)
class Heard:
    """What arrived: in words, and the position 0 … 1 of the hand by each name the map may use."""

    text: str
    positions: tuple[tuple[Message, float], ...] = ()


class Ear:
    """Understands what one device sends; keeps the coarse half of 14-bit values."""

    def __init__(self, wanted: Iterable[Message]) -> None:
        self._pairs = {(each.number, each.fine) for each in wanted if each.fine is not None}
        self._coarse: dict[tuple[int, int], int] = {}

    def hear(self, data: list[int]) -> Heard:
        """What the bytes of one message say. Errors: ValueError where they are no MIDI."""
        import mido

        message = mido.Message.from_bytes(data)
        match message.type:
            case "control_change":
                text = f"cc {message.control} = {message.value}"
                positions = dict(self._control(message))
            case "note_on" | "note_off":
                velocity = message.velocity if message.type == "note_on" else 0
                text = f"note {message.note} = {velocity}"
                positions = {Message("note", message.note): velocity / _LARGEST}
            case "pitchwheel":
                text = f"bend = {message.pitch}"
                positions = {Message("bend"): _bend_position(message.pitch)}
            case other:
                return Heard(str(other))
        own = {replace(each, channel=message.channel + 1): at for each, at in positions.items()}
        return Heard(text, (*positions.items(), *own.items()))

    def _control(self, message: "mido.Message") -> Iterator[tuple[Message, float]]:
        yield Message("cc", message.control), message.value / _LARGEST
        for number, fine in self._pairs:
            if message.control == number:
                self._coarse[message.channel, number] = message.value
                yield Message("cc", number, fine), (message.value << 7) / _LARGEST_FINE
            elif message.control == fine and (message.channel, number) in self._coarse:
                coarse = self._coarse[message.channel, number]
                yield Message("cc", number, fine), (coarse << 7 | message.value) / _LARGEST_FINE


def _bend_position(pitch: int) -> float:
    """-8192 … 8191 to 0 … 1, so that the wheel's rest is exactly in the middle."""
    return 0.5 + pitch / (16384 if pitch < 0 else 16382)
