"""The MIDI controller without a device: names, matching, and how it meets what comes and goes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from model.knob import Knob
from performer import reading
from performer.controllers import midi, profiles
from performer.controllers.midi import Midi, matching
from performer.controllers.midi_messages import Message
from performer.controllers.midi_ports import NoSystemError
from performer.doors.changes import Change
from performer.doors.folder import RunFolder
from performer.errors import PerformerError, SceneError
from performer.mapping import Route, Router
from performer.processes.midi import Hands

NANO = Midi.Settings(port="nanoKONTROL2*", profile="nanokontrol2")


@pytest.mark.parametrize("message", ["slider1", "track-next", "cc 21", "note 36 channel 3", "bend"])
def test_the_map_names_a_control_of_the_profile_or_a_message_of_midi(message: str) -> None:
    assert Midi.check_message(NANO, message) is None


def test_a_control_of_the_profile_is_the_message_that_it_sends() -> None:
    assert Midi.read_message(NANO, "slider2") == Message("cc", 1)
    assert Midi.read_message(NANO, "cc 1") == Message("cc", 1)


def test_a_control_that_the_profile_lacks_is_named_with_the_closest() -> None:
    assert Midi.check_message(NANO, "sldier1") == (
        "sldier1 is not a MIDI message",
        "did you mean slider1?",
    )


def test_without_a_profile_the_mend_shows_how_messages_are_named() -> None:
    found = Midi.check_message(Midi.Settings(), "slider1")
    assert found is not None
    assert "cc 21 channel 2" in found[1]


def test_a_profile_that_is_not_there_is_refused_at_the_door() -> None:
    with pytest.raises(ValidationError, match=r"no profile nanocontrol2 \(there is nanokontrol2\)"):
        Midi.Settings(profile="nanocontrol2")


def test_a_wrong_control_in_a_scene_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "scene.yaml"
    file.write_text(
        "performer: 1\nmodel: {untrained: 1}\nsource: {kind: card}\n"
        "controllers:\n  knobs: {kind: midi, profile: nanokontrol2}\n"
        "map:\n  - {from: knobs slider9, to: latent.position}\n"
    )
    with pytest.raises(SceneError, match=r"scene.yaml:7: map.0.from: slider9 is not .* slider8\?"):
        reading.read(str(file))


ALSA = ["Midi Through:Midi Through Port-0 14:0", "nanoKONTROL2:nanoKONTROL2 _ CTRL 20:0"]


@pytest.mark.parametrize(
    ("pattern", "names", "found"),
    [
        ("nanoKONTROL2*", ALSA, ALSA[1]),
        ("nanokontrol2*", ALSA, ALSA[1]),
        ("*", ALSA, ALSA[1]),
        ("*Through*", ALSA, ALSA[0]),
        ("*", ALSA[:1], None),
        (
            "nanoKONTROL2*",
            ["a2j:nanoKONTROL2 [20] (capture): CTRL"],
            "a2j:nanoKONTROL2 [20] (capture): CTRL",
        ),
        ("nanoKONTROL2", ALSA, None),
        ("X-TOUCH*", ALSA, None),
        ("*", [], None),
    ],
)
def test_the_first_port_that_matches_is_meant(
    pattern: str, names: list[str], found: str | None
) -> None:
    assert matching(pattern, names) == found


class FakeInput:
    """An open port."""

    def __init__(self, name: str, heard: Callable[[list[int]], None]) -> None:
        self.name = name
        self.heard = heard
        self.closed = False

    def close(self) -> None:
        self.closed = True


class FakePorts:
    """A MIDI system whose devices come and go as a test likes."""

    def __init__(self, backend: str) -> None:
        self.there: list[str] | None = []
        self.busy = False
        self.opened: list[FakeInput] = []

    def names(self) -> list[str]:
        if self.there is None:
            raise NoSystemError
        return self.there

    def open(self, name: str, heard: Callable[[list[int]], None]) -> FakeInput:
        if self.busy:
            raise PerformerError(f"midi: {name} cannot be opened")
        self.opened.append(FakeInput(name, heard))
        return self.opened[-1]


class Desk:
    """A controller that plays on a system of ours, looking whenever it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.system = FakePorts("auto")
        monkeypatch.setattr(midi, "Ports", lambda backend: self.system)
        monkeypatch.setattr(midi, "LOOK_SECONDS", 0.0)
        self.sent: list[Change] = []
        self.midi = Midi(NANO)
        router = Router([(Message("cc", 0), Route(7, Knob(0, 10)))])
        self.midi.start(lambda: router, self.send)

    def send(self, changes: list[Change]) -> bool:
        self.sent += changes
        return True

    def look(self, *names: str) -> str:
        self.system.there = list(names)
        self.midi.look()
        state: str = self.midi.status()["state"]
        return state


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    pytest.importorskip("mido", reason="pip install mido python-rtmidi")
    return Desk(monkeypatch)


def test_it_searches_until_the_device_is_there_and_again_when_it_has_gone(desk: Desk) -> None:
    assert desk.look("other") == "searches"
    line = "midi: no port matches nanoKONTROL2*; plug it in (ports now: other)"
    assert desk.midi.status()["line"] == line
    assert desk.look("other", "nanoKONTROL2:1") == "connected"
    assert desk.midi.status()["line"] == ""
    assert desk.look("other") == "searches"
    assert desk.system.opened[0].closed
    assert desk.look("nanoKONTROL2:1") == "connected"
    assert len(desk.system.opened) == 2


def test_while_the_device_is_there_it_is_opened_only_once(desk: Desk) -> None:
    for _ in range(3):
        desk.look("nanoKONTROL2:1", "nanoKONTROL2:2")
    assert [each.name for each in desk.system.opened] == ["nanoKONTROL2:1"]


def test_what_the_map_names_is_sent_and_the_rest_only_counted(desk: Desk) -> None:
    desk.look("nanoKONTROL2:1")
    heard = desk.system.opened[0].heard
    heard([0xB0, 0, 127])
    heard([0xB0, 99, 127])
    heard([0xB0])
    assert desk.sent == [Change(7, 10.0)]
    status = desk.midi.status()
    assert status["messages"] == 2
    assert status["malformed"] == 1
    assert status["last"] == "cc 99 = 127"


def test_a_device_that_another_program_holds_is_said_and_tried_again(desk: Desk) -> None:
    desk.system.busy = True
    assert desk.look("nanoKONTROL2:1") == "rests"
    assert "cannot be opened" in desk.midi.status()["line"]
    desk.system.busy = False
    assert desk.look("nanoKONTROL2:1") == "connected"


def test_without_a_midi_system_it_searches_until_there_is_one(desk: Desk) -> None:
    desk.system.there = None
    desk.midi.look()
    assert desk.midi.status()["state"] == "searches"
    assert desk.look("nanoKONTROL2:1") == "connected"


def test_a_midi_system_that_dies_under_an_open_port_is_the_end_of_the_process(desk: Desk) -> None:
    desk.look("nanoKONTROL2:1")
    desk.system.there = None
    with pytest.raises(NoSystemError):
        desk.midi.look()
    assert not desk.system.opened[0].closed


def _hands(folder: Path) -> tuple[Hands, Path]:
    """A MIDI process whose scene has a profile of its own, and the file of that."""
    profile, scene = folder / "desk.yaml", folder / "scene.yaml"
    profile.write_text("performer: 1\nname: Desk\ncontrols: {fader: cc 3}\n")
    scene.write_text(
        "performer: 1\nmodel: {untrained: 1}\nsource: {kind: card}\n"
        "controllers:\n  knobs: {kind: midi, profile: desk.yaml}\n"
        "map:\n  - {from: knobs fader, to: latent.position}\n"
    )
    run = RunFolder.create(1, (16, 16))
    run.scene.write_text(reading.read(str(scene)).to_json())
    away = profile.rename(folder / "away")
    profiles.read.cache_clear()  # as in a process that comes back
    hands = Hands(run)
    away.rename(profile)
    return hands, profile


def test_a_profile_that_is_gone_lets_its_controller_rest_until_it_is_back(
    desk: Desk, tmp_path: Path
) -> None:
    hands, profile = _hands(tmp_path)
    (knobs,) = hands._controllers.values()
    desk.system.there = ["desk:1"]
    good = profile.read_text()
    for broken, said in [
        (None, f"there is no profile {profile} ("),
        ("performer: 1\nname: [", f"{profile}:2: scene: "),
        (good.replace("fader", "slider"), "fader is not a MIDI message"),
    ]:
        profile.unlink() if broken is None else profile.write_text(broken)
        profiles.read.cache_clear()
        knobs.look()
        assert knobs.status()["state"] == "rests"
        assert knobs.status()["line"].startswith(said)
        assert "\n" not in knobs.status()["line"]
    assert not desk.system.opened
    profile.write_text(good)
    profiles.read.cache_clear()
    knobs.look()
    assert knobs.status()["state"] == "connected"
    desk.system.opened[0].heard([0xB0, 3, 127])
    assert knobs.status()["messages"] == 1


def test_a_profile_that_breaks_under_an_open_port_lets_it_rest_until_it_is_mended(
    desk: Desk,
) -> None:
    desk.look("nanoKONTROL2:1")

    def broken() -> Router[Message]:
        raise PerformerError("broken")

    desk.midi.start(broken, desk.send)
    assert desk.look("nanoKONTROL2:1") == "rests"
    desk.system.opened[0].heard([0xB0, 0, 127])
    assert not desk.sent
    desk.midi.start(lambda: Router([(Message("cc", 0), Route(7, Knob(0, 10)))]), desk.send)
    assert desk.look("nanoKONTROL2:1") == "connected"
    assert desk.midi.status()["line"] == ""
    desk.system.opened[0].heard([0xB0, 0, 127])
    assert desk.sent == [Change(7, 10.0)]


def test_it_looks_once_a_second_however_often_it_is_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(midi, "LOOK_SECONDS", 1.0)
    desk.look("other")
    assert desk.look("nanoKONTROL2:1") == "searches"
