import pytest

from performer.controllers.midi_messages import Ear, Heard, Message

pytest.importorskip("mido", reason="pip install mido python-rtmidi")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cc 21", Message("cc", 21)),
        ("cc 0 channel 16", Message("cc", 0, channel=16)),
        ("cc 1+33", Message("cc", 1, fine=33)),
        ("cc 1+33 channel 2", Message("cc", 1, fine=33, channel=2)),
        ("note 127", Message("note", 127)),
        ("note 36 channel 10", Message("note", 36, channel=10)),
        ("bend", Message("bend")),
        ("bend channel 1", Message("bend", channel=1)),
    ],
)
def test_a_message_has_a_name(name: str, message: Message) -> None:
    assert Message.named(name) == message


@pytest.mark.parametrize(
    "name",
    [
        "",
        "cc",
        "cc 128",
        "cc 1+200",
        "cc -1",
        "cc 1 2",
        "note",
        "note 128",
        "note 1+33",
        "bend 3",
        "cc 21 channel 0",
        "cc 21 channel 17",
        "CC 21",
        "slider1",
        "cc 21  channel 2",
    ],
)
def test_what_is_no_message_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="MIDI"):
        Message.named(name)


def heard(*data: int, wanted: tuple[str, ...] = ()) -> Heard:
    return Ear(map(Message.named, wanted)).hear(list(data))


def position(said: Heard, name: str) -> float | None:
    return dict(said.positions).get(Message.named(name))


def test_a_control_change_is_heard_on_all_channels_and_on_its_own() -> None:
    said = heard(0xB1, 21, 127)
    assert said.text == "cc 21 = 127"
    assert dict(said.positions) == {Message("cc", 21): 1.0, Message("cc", 21, channel=2): 1.0}


def test_the_ends_of_a_control_are_the_ends_of_the_movement() -> None:
    assert position(heard(0xB0, 21, 0), "cc 21") == 0.0
    assert position(heard(0xB0, 21, 127), "cc 21") == 1.0


def test_a_note_stands_as_far_as_it_was_struck_and_falls_when_it_is_let_go() -> None:
    assert position(heard(0x90, 36, 127), "note 36") == 1.0
    assert position(heard(0x99, 36, 64), "note 36 channel 10") == pytest.approx(64 / 127)
    assert position(heard(0x80, 36, 64), "note 36") == 0.0
    assert position(heard(0x90, 36, 0), "note 36") == 0.0
    assert heard(0x80, 36, 64).text == "note 36 = 0"


def test_the_bend_rests_exactly_in_the_middle() -> None:
    assert position(heard(0xE0, 0, 64), "bend") == 0.5
    assert position(heard(0xE0, 0, 0), "bend") == 0.0
    assert position(heard(0xE0, 127, 127), "bend") == 1.0


def test_fourteen_bits_come_in_two_halves() -> None:
    ear = Ear([Message.named("cc 1+33")])
    assert position(ear.hear([0xB0, 33, 5]), "cc 1+33") is None
    assert position(ear.hear([0xB0, 1, 0x55]), "cc 1+33") == (0x55 << 7) / 16383
    assert position(ear.hear([0xB0, 33, 0x2A]), "cc 1+33") == (0x55 << 7 | 0x2A) / 16383
    ear.hear([0xB0, 1, 127])
    assert position(ear.hear([0xB0, 33, 127]), "cc 1+33 channel 1") == 1.0


def test_the_halves_of_two_channels_are_kept_apart() -> None:
    ear = Ear([Message.named("cc 1+33")])
    ear.hear([0xB0, 1, 127])
    assert position(ear.hear([0xB1, 33, 127]), "cc 1+33") is None


def test_half_of_a_pair_is_still_a_control_of_its_own() -> None:
    assert position(heard(0xB0, 1, 127, wanted=("cc 1+33",)), "cc 1") == 1.0


@pytest.mark.parametrize("data", [[0xF8], [0xC0, 5], [0xD0, 9], [0xF0, 1, 2, 0xF7], [0xA0, 61, 8]])
def test_other_messages_are_named_and_move_nothing(data: list[int]) -> None:
    said = Ear([]).hear(data)
    assert said.positions == ()
    assert said.text


@pytest.mark.parametrize("data", [[], [0xB0], [0xB0, 21], [0xB0, 21, 200], [21, 5], [0xF4]])
def test_what_is_no_midi_is_refused(data: list[int]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (mido has many words for it)
        Ear([]).hear(data)
