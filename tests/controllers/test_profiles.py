from pathlib import Path

import pytest

from performer.controllers import profiles
from performer.controllers.midi_messages import Message
from performer.errors import PerformerError, SceneError


def written(folder: Path, text: str) -> str:
    file = folder / "desk.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("name", [file.stem for file in profiles.folders()[-1].glob("*.yaml")])
def test_every_profile_that_comes_with_the_instrument_can_be_played(name: str) -> None:
    controls = profiles.read(name).controls
    assert len(controls) > 10
    assert len({Message.named(message) for message in controls.values()}) == len(controls)


@pytest.mark.parametrize(
    ("control", "message"),
    [
        ("slider1", "cc 0"),
        ("slider8", "cc 7"),
        ("knob1", "cc 16"),
        ("knob8", "cc 23"),
        ("solo1", "cc 32"),
        ("mute8", "cc 55"),
        ("record1", "cc 64"),
        ("play", "cc 41"),
        ("record", "cc 45"),
        ("cycle", "cc 46"),
        ("track-previous", "cc 58"),
        ("marker-next", "cc 62"),
    ],
)
def test_the_nanokontrol2_sends_what_it_sends_from_the_factory(control: str, message: str) -> None:
    assert profiles.read("nanokontrol2").controls[control] == message


def test_a_profile_may_be_a_file(tmp_path: Path) -> None:
    file = written(tmp_path, "performer: 1\nname: Desk\ncontrols:\n  fader: cc 3 channel 2\n")
    assert profiles.read(file).controls == {"fader": "cc 3 channel 2"}


def test_the_performer_s_own_profiles_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "performer: 1\nname: Desk\ncontrols: {fader: cc 3}\n")
    monkeypatch.setattr(profiles, "folders", lambda: [tmp_path])
    assert profiles.read("desk").name == "Desk"
    assert profiles.names() == ["desk"]


def test_a_profile_that_is_not_there_is_named_with_the_closest() -> None:
    with pytest.raises(PerformerError, match=r"no profile nanocontrol2 \(there is nanokontrol2\)"):
        profiles.read("nanocontrol2")


@pytest.mark.parametrize("name", ["../nanokontrol2", "/etc/passwd.none", "."])
def test_a_name_does_not_lead_out_of_the_folder(name: str) -> None:
    with pytest.raises(PerformerError, match="no profile"):
        profiles.read(name)


@pytest.mark.parametrize(
    ("controls", "says"),
    [
        ("  fader: cc 200\n", "desk.yaml:5: controls.fader: cc 200: MIDI numbers end at 127"),
        ("  fader: slide\n", "desk.yaml:5: controls.fader: slide is not a MIDI message"),
        ("  fader: 3\n", "desk.yaml:5: controls.fader: "),
        ("  Fader: cc 3\n", "desk.yaml:5: controls.Fader"),
    ],
)
def test_a_mistake_in_a_profile_is_told_with_its_line(
    tmp_path: Path, controls: str, says: str
) -> None:
    file = written(tmp_path, f"performer: 1\nname: Desk\ncontrols:\n  good: cc 1\n{controls}")
    with pytest.raises(SceneError) as error:
        profiles.read(file)
    assert says in str(error.value)
    assert "cc 21 channel 2" in str(error.value)


def test_a_profile_says_nothing_but_its_name_and_controls(tmp_path: Path) -> None:
    file = written(tmp_path, "performer: 1\nname: Desk\ncontrols: {}\nlights: true\n")
    with pytest.raises(SceneError, match="lights"):
        profiles.read(file)
