"""A scene without a stage: what keeps it from playing is said at once, all of it."""

from pathlib import Path

import pytest

from performer import offline, reading
from performer.errors import SceneError

GOOD = """\
performer: 1
model: {untrained: 7, canvas: 64x64}
source: {kind: card}
bends:
  first: {kind: rotate, layer: 30%}
  second: {kind: rotate, layer: 60%}
"""


def check(tmp_path: Path, text: str) -> list[str]:
    """What is said of a scene: line and field of every problem."""
    file = tmp_path / "scene.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        offline.check(*reading.read_in_part(str(file)))
    except SceneError as error:
        return [f"{problem.line} {problem.field}" for problem in error.problems]
    return []


def test_of_a_good_scene_nothing_is_said(tmp_path: Path) -> None:
    assert check(tmp_path, GOOD) == []


def test_a_missing_film_hides_no_layer_and_no_layer_another(tmp_path: Path) -> None:
    text = GOOD.replace("kind: card", "kind: video, file: gone.mp4")
    text = text.replace("30%", "L98").replace("60%", "L99")
    assert check(tmp_path, text) == ["3 source.file", "5 bends.first.layer", "6 bends.second.layer"]


def test_a_broken_film_is_said_beside_a_wrong_layer(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film")
    text = GOOD.replace("kind: card", "kind: video, file: film.mp4").replace("60%", "L99")
    assert check(tmp_path, text) == ["3 source.file", "6 bends.second.layer"]


def test_a_wrong_field_hides_no_layer_and_no_network(tmp_path: Path) -> None:
    text = GOOD.replace("30%", "L98").replace("layer: 60%", "layer: 60%, speed: 1")
    text += "macros:\n  1: {name: A, to: bends.second.angle}\nmap: 3\n"
    assert check(tmp_path, text) == ["5 bends.first.layer", "6 bends.second.speed", "9 map"]
    text = text.replace("kind: card", "kind: card, rate: fast").replace(
        "untrained: 7", "file: a.pkl"
    )
    assert check(tmp_path, text)[:2] == ["2 model.file", "3 source.rate"]


@pytest.mark.parametrize("there", [False, True])
def test_a_network_that_cannot_be_loaded_hides_no_source(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "net.pkl").write_bytes(b"no network")
    text = GOOD.replace("untrained: 7", "file: net.pkl")
    text = text.replace("kind: card", "kind: camera, device: /dev/video99")
    assert check(tmp_path, text) == ["2 model.file", "3 source"]


def test_what_is_missing_is_said_once_and_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "scene.yaml"
    file.write_text(GOOD.replace("kind: card", "kind: image, file: gone.png"), encoding="utf-8")
    with pytest.raises(SceneError) as refused:
        offline.check(*reading.read_in_part(str(file)))
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{file}:3: source.file: there is no file {tmp_path / 'gone.png'};")


def test_what_a_network_lacks_is_said_before_it_is_painted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "scene.yaml"
    file.write_text(GOOD, encoding="utf-8")
    settings = ("model.skip_1=0.5", "model.skip_8=0.5")
    for play in (
        lambda scene: offline.save_picture(scene, 0, tmp_path / "frame.png"),
        offline.check,
    ):
        play(reading.read(str(file), settings))
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith("scene.yaml: model.skip_8: does nothing; untrained (seed 7) has none")


def test_what_a_command_line_laid_over_is_no_fault_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "scene.yaml"
    file.write_text(GOOD, encoding="utf-8")
    scene = reading.read(str(file), ("bends.first.layer=L77",))
    for asked in (scene, reading.from_json(scene.to_json())):
        with pytest.raises(SceneError, match=r"^--set: bends\.first\.layer: "):
            offline.check(asked)
