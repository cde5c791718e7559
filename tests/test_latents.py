"""Latents in scenes: every kind plays, loops close, and what does not fit is said at the door."""

from pathlib import Path

import pytest
import torch

from model.latent.stored import save
from performer import offline, reading, registry, schema
from performer.errors import SceneError
from performer.loop import Loop
from performer.offline import LastFrame
from performer.scene import Scene

PICKLES = Path(__file__).parent / "golden" / "pickles"
STYLEGAN2 = next(PICKLES.rglob("stylegan2*.pkl"))  # which sees no pictures that move
HEAD = "performer: 1\nmodel: {untrained: 7, canvas: 32x32}\nsource: {kind: card}\nlatent:\n"


def scene(tmp_path: Path, latent: str) -> Scene:
    file = tmp_path / "scene.yaml"
    file.write_text(HEAD + latent)
    return reading.read(str(file))


def frames(loop: Loop, shown: LastFrame, count: int) -> list[torch.Tensor]:
    pictures = []
    for _ in range(count):
        loop.frame()
        assert shown.picture is not None
        pictures.append(shown.picture.clone())
    return pictures


@pytest.mark.parametrize("kind", registry.kinds("latents"))
def test_every_kind_plays_and_has_its_values_as_parameters(kind: str, tmp_path: Path) -> None:
    played = scene(tmp_path, f"  kind: {kind}\n")
    assert reading.from_json(played.to_json()) == played
    part = registry.part("latents", kind)
    names = {f"latent.{name}" for name in part.Settings.knobs()}
    assert names <= set(played.table().places)
    with offline.rehearsal(played) as (loop, shown):
        assert frames(loop, shown, 1)[0].isfinite().all()


@pytest.mark.parametrize(
    ("latent", "round_frames"),
    [
        ("  {kind: loop, seeds: [1, 2], speed: 2}\n", 30),
        ("  {kind: noise_loop, speed: 0.5}\n", 60),
        ("  {kind: wander, style: {kind: loop, seeds: [1, 2], speed: 2}, style_to: 32}\n", 30),
    ],
)
def test_a_round_ends_with_the_picture_that_it_began_with(
    latent: str, round_frames: int, tmp_path: Path
) -> None:
    file = tmp_path / "scene.yaml"
    file.write_text(f"performer: 1\nmodel: {{file: {STYLEGAN2}, canvas: 64x64}}\nlatent:\n{latent}")
    with offline.rehearsal(reading.read(str(file))) as (loop, shown):
        first, second = frames(loop, shown, 2)
        for _ in range(round_frames - 2):
            loop.pass_over()
        again = frames(loop, shown, 1)[0]
    assert torch.equal(again, first)
    assert not torch.equal(second, first)


def test_a_style_of_its_own_walks_beside_the_latent(tmp_path: Path) -> None:
    latent = "  {seeds: [1, 2], style: {kind: walk, seeds: [3, 4], speed: 1}, style_from: 4, style_to: 32}\n"
    played = scene(tmp_path, latent)
    assert {"latent.style.speed", "latent.style.truncation"} <= set(played.table().places)
    with offline.rehearsal(played) as (loop, shown):
        first, second = frames(loop, shown, 2)
        assert (loop.latent.walked, loop.latent.style_walked) == (0.0, pytest.approx(1 / 30))
    assert not torch.equal(first, second)


def test_a_direction_is_a_slider(tmp_path: Path) -> None:
    def picture(amount: float) -> torch.Tensor:
        latent = f"  directions:\n    warm: {{kind: sefa, number: 2, amount: {amount}}}\n"
        played = scene(tmp_path, latent)
        assert "latent.directions.warm.rows_to" in played.table().places
        with offline.rehearsal(played) as (loop, shown):
            return frames(loop, shown, 1)[0]

    assert not torch.allclose(picture(3.0), picture(0.0), atol=1e-2)


@pytest.mark.parametrize(
    ("latent", "says"),
    [
        ("  kind: lop\n", "5: latent.kind: there is no lop; use loop"),
        (
            "  kind: grid\n  seeds: [[1, 2], [3]]\n",
            "6: latent.seeds: the lines of the grid are not",
        ),
        ("  kind: loop\n  seeds: [1]\n", "6: latent.seeds: "),
        ("  kind: point\n  file: no.safetensors\n", "6: latent.file: there is no file"),
        (
            "  style: {kind: point, sed: 2}\n",
            "5: latent.style.sed: is not a field here; did you mean seed",
        ),
        ("  style: {seed: 2}\n", "5: latent.style: has no kind; add"),
        (
            "  style: {kind: walk, style: {kind: walk}}\n",
            "5: latent.style.style: is not a field here",
        ),
        (
            "  directions:\n    warm: {numbr: 2}\n",
            "6: latent.directions.warm.numbr: .*did you mean number",
        ),
        (
            "  directions:\n    warm: {number: 999}\n",
            "6: latent.directions.warm.number: there is no direction 999; use 0 … 511",
        ),
        (
            "  kind: point\n  file: other.safetensors\n",
            r"6: latent.file: .*is a w \[1, 5\] of another network; .*fits here",
        ),
        (
            "  kind: walk\n  style: {kind: point, file: other.safetensors}\n",
            "6: latent.style.file: .*another network",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(latent: str, says: str, tmp_path: Path) -> None:
    save(torch.zeros(1, 5), tmp_path / "other.safetensors", {})
    with pytest.raises(SceneError, match=says) as error:
        offline.check(scene(tmp_path, latent))
    assert len(error.value.problems) == 1


def test_the_schema_knows_styles_and_that_a_latent_without_a_kind_walks() -> None:
    definitions = schema.scene_schema()["$defs"]
    assert "kind" not in definitions["latents.walk"]["required"]
    assert "kind" in definitions["latents.loop"]["required"]
    assert {f"styles.{kind}" for kind in registry.kinds("latents")} <= set(definitions)
    style = definitions["latents.grid"]["properties"]["style"]
    assert {"$ref": "#/$defs/styles.loop"} in style["oneOf"]
    assert "style_seed" not in definitions["styles.loop"]["properties"]
