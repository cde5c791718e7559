"""Every family plays in a scene, and what can be turned of it turns."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import cuda_ops
import model
from model.bends.chain import places
from model.latent import seed_vector
from model.network import Network
from model.options import NetworkKnobs
from performer import offline, performance, reading
from performer.doors.changes import Change
from performer.errors import SceneError
from performer.scene import Scene

PICKLES = Path(__file__).parent / "golden" / "pickles"
FAMILIES = {path.stem.split("__")[0]: path for path in sorted(PICKLES.rglob("*.pkl"))}
CANVAS = ["canvas_r", "canvas_t_flask"]

# What to turn, in which networks, and how far.
TURNS = {
    "model.encoder_ws=0": CANVAS,
    "model.encoder_to=9": ["canvas_r"],
    "model.frame_statistics=true": CANVAS,
    "model.skips=0.5": CANVAS,
    "model.skip_1=0": CANVAS,
    "model.skip_2=2": CANVAS,
    "model.noise=0": ["stylegan2"],
    "model.random_noise=true": ["stylegan2"],
    "model.turn=30": ["stylegan3_r"],
    "model.shift_x=0.25": ["stylegan3_t"],
    "model.shift_y=-0.25": ["stylegan3_t"],
    "model.zoom=2": ["stylegan3_t"],
    "model.label_a=2": ["stylegan3_t_cond"],
    "latent.truncation=0.2": ["stylegan2"],
}


@pytest.fixture(autouse=True, scope="module")
def _reference() -> object:
    with cuda_ops.choose("reference"):
        yield


@cache
def network(family: str) -> Network:
    return model.load(FAMILIES[family])


@pytest.fixture
def scene(tmp_path: Path) -> Callable[..., Scene]:
    """Reads a scene of one family, with settings laid over it."""

    def read(family: str, *settings: str) -> Scene:
        source = "source: {kind: card}\n" if family in CANVAS else ""
        file = tmp_path / "scene.yaml"
        file.write_text(
            f"performer: 1\nmodel: {{file: {FAMILIES[family]}, canvas: 64x64}}\n{source}"
            "latent: {seeds: [3, 5], truncation: 0.7}\n"
        )
        return reading.read(str(file), settings)

    return read


def paint(scene: Scene) -> torch.Tensor:
    with offline.rehearsal(scene) as (loop, frames):
        loop.frame()
    assert frames.picture is not None
    return frames.picture


@pytest.mark.parametrize("family", FAMILIES)
def test_untouched_knobs_leave_the_network_alone(family: str, scene: Callable[..., Scene]) -> None:
    net = network(family)
    z = torch.from_numpy(seed_vector(3, net.config.z_dim)[None].astype(np.float32))
    options: dict[str, Any] = {"z": z, "psi": 0.7}
    if net.config.c_dim:
        options["c"] = torch.eye(net.config.c_dim)[:1]
    if family in CANVAS:
        options["condition"] = condition(scene(family))
    with torch.inference_mode():
        assert torch.equal(paint(scene(family)), net.generate(**options))


def condition(scene: Scene) -> torch.Tensor | None:
    """What the encoder is shown in the first frame."""
    with offline.rehearsal(scene) as (loop, _):
        moment = loop.clock.tick()
        snapshot = loop.parameters.advance(moment, [])
        return loop.condition(loop.source.at(moment, {}), snapshot)


@pytest.mark.parametrize(
    ("setting", "family"), [(turn, family) for turn in TURNS for family in TURNS[turn]]
)
def test_every_knob_turns_the_picture(
    setting: str, family: str, scene: Callable[..., Scene]
) -> None:
    turned = paint(scene(family, setting))
    assert turned.isfinite().all()
    assert not torch.allclose(turned, paint(scene(family)), atol=1e-3)


def test_no_knob_of_a_network_is_left_out_here() -> None:
    """Those that need another one beside them have tests of their own."""
    turned = {turn.partition("=")[0].removeprefix("model.") for turn in TURNS}
    turned |= {"encoder_from", "encoder_mix", "label_b", "label_mix"}
    turned |= {f"skip_{number}" for number in range(3, 9)}
    assert set(NetworkKnobs.knobs()) <= turned


def test_classes_mix_and_a_number_beyond_the_last_means_the_last(
    scene: Callable[..., Scene],
) -> None:
    def pictures(*settings: str) -> torch.Tensor:
        return paint(scene("stylegan3_t_cond", *settings))

    first, last = pictures(), pictures("model.label_a=4")
    half = pictures("model.label_b=4", "model.label_mix=0.5")
    assert torch.equal(pictures("model.label_b=4", "model.label_mix=1"), last)
    assert torch.equal(pictures("model.label_a=999"), last)
    assert not torch.allclose(half, first, atol=1e-3)
    assert not torch.allclose(half, last, atol=1e-3)


def test_styles_mix_by_rows_and_truncation_ends_at_a_row(scene: Callable[..., Scene]) -> None:
    def pictures(*settings: str) -> torch.Tensor:
        return paint(scene("stylegan2", *(f"latent.{setting}" for setting in settings)))

    rows = network("stylegan2").config.num_ws
    plain = pictures()
    assert torch.equal(pictures("style_seed=9", "style_from=4", "style_to=4"), plain)
    assert torch.equal(pictures("style_seed=9", "style_to=4", "style_mix=0"), plain)
    some = pictures("style_seed=9", "style_from=2", "style_to=4")
    every = pictures("style_seed=9", f"style_to={rows}")
    assert not torch.allclose(some, plain, atol=1e-3)
    assert torch.allclose(every, pictures("seeds=[9]"), atol=1e-5)
    assert torch.equal(pictures(f"cutoff={rows}"), plain)
    assert torch.equal(pictures("cutoff=0"), pictures("truncation=1"))


def test_random_noise_is_new_in_every_frame_and_the_same_when_painted_again(
    scene: Callable[..., Scene],
) -> None:
    played = scene("stylegan2", "model.random_noise=true", "model.noise=2")
    first, second, again = (
        offline.paint(played, 0),
        offline.paint(played, 1),
        offline.paint(played, 1),
    )
    assert not torch.equal(first, second)
    assert torch.equal(second, again)


def test_the_placement_moves_what_is_seen_as_the_bends_do(scene: Callable[..., Scene]) -> None:
    plain = paint(scene("stylegan3_t"))
    right = paint(scene("stylegan3_t", "model.shift_x=0.25"))
    assert torch.nn.functional.mse_loss(right[..., 16:], plain[..., :-16]) < 0.02 * plain.var()
    down = paint(scene("stylegan3_t", "model.shift_y=0.25"))
    assert torch.nn.functional.mse_loss(down[..., 16:, :], plain[..., :-16, :]) < 0.02 * plain.var()
    plain = paint(scene("stylegan3_r"))
    turned = paint(scene("stylegan3_r", "model.turn=90"))[..., 8:-8, 8:-8]
    clockwise = plain.rot90(-1, (2, 3))[..., 8:-8, 8:-8]
    assert torch.nn.functional.mse_loss(turned, clockwise) < 0.02 * plain.var()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("canvas", ["96x64", "75x131", "40x24"])
def test_a_canvas_of_any_size_is_painted(
    family: str, canvas: str, scene: Callable[..., Scene]
) -> None:
    width, height = map(int, canvas.split("x"))
    painted = paint(scene(family, f"model.canvas={canvas}"))
    assert painted.shape == (1, 3, height, width)
    assert painted.isfinite().all()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_canvas_changes_between_two_frames(family: str, scene: Callable[..., Scene]) -> None:
    changes: list[Change] = []
    with offline.rehearsal(scene(family)) as (loop, frames):
        loop.changes.drain = lambda: changes
        loop.frame()
        assert frames.picture.shape[2:] == (64, 64)
        changes.append(Change(loop.parameters.table.places["model.width"], 96.0))
        loop.frame()
        wide = frames.picture
    assert wide.shape[2:] == (64, 96)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_of_a_family_can_be_bent(family: str, tmp_path: Path) -> None:
    layers = places(network(family).config)
    bends = "".join(
        f"  b{number}: {{kind: multiply, layer: {place.name}, factor: 1.5}}\n"
        for number, place in enumerate(layers)
    )
    file = tmp_path / "scene.yaml"
    source = "source: {kind: card}\n" if family in CANVAS else ""
    model_line = f"model: {{file: {FAMILIES[family]}, canvas: 64x64}}\n"
    file.write_text(f"performer: 1\n{model_line}{source}bends:\n{bends}")
    assert paint(reading.read(str(file))).isfinite().all()


def test_what_a_network_lacks_is_told_by_name(scene: Callable[..., Scene]) -> None:
    def lacks(family: str) -> set[str]:
        return set(performance.without(scene(family), network(family).config))

    assert {"model.turn", "model.encoder_ws", "model.label_mix"} <= lacks("stylegan2")
    assert not {"model.noise", "model.random_noise"} & lacks("stylegan2")
    assert {"model.noise", "model.skip_1"} <= lacks("stylegan3_t_cond")
    assert not {"model.zoom", "model.label_a", "model.width"} & lacks("stylegan3_t_cond")
    assert {"model.noise", "model.turn", "model.label_a", "model.skip_6"} <= lacks("canvas_r")
    assert not {"model.skip_5", "model.frame_statistics"} & lacks("canvas_r")


def test_a_network_with_an_encoder_needs_a_source(tmp_path: Path) -> None:
    file = tmp_path / "scene.yaml"
    file.write_text(f"performer: 1\nmodel: {{file: {FAMILIES['canvas_r']}, canvas: 64x64}}\n")
    with pytest.raises(SceneError, match=r"scene.yaml:1: source: is missing: this network"):
        offline.check(reading.read(str(file)))


def test_a_source_and_a_condition_that_nobody_needs_are_left_alone(
    scene: Callable[..., Scene],
) -> None:
    played = scene("stylegan2", "source={kind: card}", "condition={kind: blur}")
    assert torch.equal(paint(played), paint(scene("stylegan2")))
    assert "condition.sigma" in performance.without(played, network("stylegan2").config)
