"""What is compiled for a graphics card before a show: on the processor, as far as that goes."""

from pathlib import Path

import pytest

from cuda_ops.cuda import device as devices
from cuda_ops.cuda import recording
from performer import precompile
from performer.errors import PerformerError, SceneError
from performer.painting import InOrder

SCENE = "performer: 1\nmodel: {untrained: 7, canvas: %s}\nsource: {kind: card}\n"


@pytest.fixture
def scenes(tmp_path: Path) -> list[str]:
    """Two of one network and canvas, and one of another canvas."""
    canvases = {"one": "32x32", "other": "32x32", "wide": "64x32"}
    for name, canvas in canvases.items():
        (tmp_path / f"{name}.yaml").write_text(SCENE % canvas)
    return [str(tmp_path / f"{name}.yaml") for name in canvases]


def test_each_network_and_canvas_is_painted_once_as_a_rehearsal(
    scenes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[bool] = []
    plain = InOrder.__call__

    def paint(self: InOrder, *given: object) -> object:
        painted.append(recording.is_rehearsing())
        return plain(self, *given)

    monkeypatch.setattr(InOrder, "__call__", paint)
    found = [*precompile.lines(scenes, "cpu")]
    assert painted == [True, True]
    assert [line.partition(": ready in")[0] for line in found[:-1]] == [
        "graphics card: untrained (seed 7) at 32x32, as in one",
        "graphics card: untrained (seed 7) at 64x32, as in wide",
    ]
    assert found[-1].startswith("graphics card: operators: ")


def test_what_does_not_compile_is_one_line(
    scenes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_failures", ["BuildError: NVRTC 13.0: no"])
    with pytest.raises(PerformerError, match="graphics card: BuildError: NVRTC"):
        [*precompile.lines(scenes[:1], "cpu")]


def test_a_scene_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises((SceneError, PerformerError)):
        [*precompile.lines([str(tmp_path / "gone.yaml")], "cpu")]
