"""Bends in their places: which layer, which channels and pixels, how much, and what they remember."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from model.bends.base import Place, find_layer
from model.bends.chain import Chain, PlaceError
from model.bends.placed import REST_FRAMES, Canvas
from tests.model import bend_cases

PLACES = [Place("L0", 4, 16.0), Place("L1", 4, 32.0), Place("L2", 4, 32.0)]


def features(height: int = 24, width: int = 24) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(1, 4, height, width)


def inner(maps: torch.Tensor) -> torch.Tensor:
    """Maps without what moves in from a little further in, since padding reaches it."""
    return maps[..., 2:-2, 2:-2]


def chain(clusters: Any = None, **settings: Any) -> Chain:
    return Chain({"bend": bend_cases.part(**settings)}, PLACES, clusters)


def both(one: dict[str, Any], other: dict[str, Any]) -> Chain:
    parts = {name: bend_cases.part(**each) for name, each in (("one", one), ("other", other))}
    return Chain(parts, PLACES)


def bent(playing: Chain, values: dict[str, float], layer: str, x: torch.Tensor) -> torch.Tensor:
    bends = playing.at(lambda name: {"mix": 1.0, **values}, "cpu")
    assert bends is not None
    return bends[layer](x)


@pytest.mark.parametrize(
    ("settings", "values"),
    [
        ({"kind": "rotate"}, {"angle": 0.0}),
        ({"kind": "translate"}, {"x": 0.0, "y": 0.0}),
        ({"kind": "multiply"}, {"factor": 1.0}),
        ({"kind": "rotate"}, {"angle": 90.0, "mix": 0.0}),
    ],
)
def test_neutral_means_no_bend_at_all(settings: dict[str, str], values: dict[str, float]) -> None:
    playing = chain(layer="L1", **settings)
    assert playing.at(lambda name: {"mix": 1.0, **values}, "cpu") is None


def test_a_quarter_turn_is_exact_and_clockwise_on_the_screen() -> None:
    x = features()
    turned = bent(chain(kind="rotate", layer="L1"), {"angle": 90.0}, "L1", x)
    assert torch.allclose(inner(turned), inner(torch.rot90(x, -1, (2, 3))), atol=1e-4)


@pytest.mark.parametrize("border", ["reflect", "edge"])
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("translate", {"x": 0.37, "y": -0.2}),
        ("rotate", {"angle": 30.0}),
        ("scale", {"factor": 0.5, "stretch": 1.0}),
    ],
)
def test_what_padding_has_darkened_does_not_come_in(
    border: str, kind: str, values: dict[str, float]
) -> None:
    """Lines showed where a map was mirrored at its own edge, to which zeros had been added."""
    x = torch.zeros(1, 4, 24, 24)
    x[..., 1:-1, 1:-1] = 1
    moved = bent(chain(kind=kind, layer="L1", border=border), values, "L1", x)
    assert inner(moved).min() > 1 - 1e-5


def test_a_half_turn_of_a_wide_map_is_exact() -> None:
    x = features(16, 40)
    turned = bent(chain(kind="rotate", layer="L1"), {"angle": 180.0}, "L1", x)
    assert torch.allclose(inner(turned), inner(x.flip(2, 3)), atol=1e-4)


@pytest.mark.parametrize(("layer", "pixels"), [("L0", 4), ("L1", 8)])
def test_a_shift_means_the_same_part_of_the_picture_at_every_layer(layer: str, pixels: int) -> None:
    x = features(48, 48)
    moved = bent(chain(kind="translate", layer=layer), {"x": 0.25, "y": 0.0}, layer, x)
    assert torch.allclose(inner(moved)[..., pixels:], inner(x)[..., :-pixels], atol=1e-4)


def test_multiply_multiplies() -> None:
    x = features()
    assert torch.equal(bent(chain(kind="multiply", layer="L2"), {"factor": -2.0}, "L2", x), x * -2)


def test_only_the_chosen_channels_bend() -> None:
    x = features()
    playing = chain(kind="multiply", layer="L1", channels={"range": [1, 2]})
    result = bent(playing, {"factor": 3.0}, "L1", x)
    assert torch.equal(result[:, 1:3], x[:, 1:3] * 3)
    assert torch.equal(result[:, [0, 3]], x[:, [0, 3]])


def test_mix_goes_half_way() -> None:
    x = features()
    result = bent(chain(kind="multiply", layer="L1"), {"factor": 3.0, "mix": 0.5}, "L1", x)
    assert torch.allclose(result, x * 2)


@pytest.mark.parametrize(
    ("wanted", "found"), [("L1", "L1"), (2, "L2"), ("0", "L0"), ("0%", "L0"), ("50%", "L1"), ("100%", "L2")]
)  # fmt: skip
def test_a_layer_is_named_by_name_index_or_depth(wanted: str | int, found: str) -> None:
    assert find_layer(wanted, ["L0", "L1", "L2"]) == found


@pytest.mark.parametrize("wanted", ["L9", "3", -1, "120%", "-5%", "%", "x%"])
def test_a_layer_that_is_not_there_is_refused(wanted: str | int) -> None:
    with pytest.raises(ValueError, match="no layer"):
        find_layer(wanted, ["L0", "L1", "L2"])


def test_a_number_that_was_meant_as_a_depth_is_seen_through() -> None:
    with pytest.raises(ValueError, match=r"no layer 45; write 45% for how deep, or 0 … 2$"):
        find_layer(45, ["L0", "L1", "L2"])


def test_channels_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="no channel 9"):
        chain(kind="multiply", layer="L1", channels={"range": [1, 9]})


# Which channels.


def changed(playing: Chain, values: dict[str, float]) -> list[bool]:
    """Which channels of layer L1 a bend changes."""
    x = features()
    return (bent(playing, values, "L1", x) != x).any(-1).any(-1)[0].tolist()


def test_a_seeded_fraction_is_the_same_each_time_and_another_for_another_seed() -> None:
    def drawn(seed: int) -> list[bool]:
        channels = {"fraction": 0.5, "seed": seed}
        return changed(chain(kind="ablate", layer="L1", channels=channels), {"amount": 1.0})

    assert drawn(1) == drawn(1)
    assert sum(drawn(1)) == 2
    assert any(drawn(seed) != drawn(1) for seed in range(2, 9))


class Grouped:
    """Clusters of four channels."""

    def __init__(self, **masks: list[float]) -> None:
        self._masks = masks

    def mask(self, layer: str, k: int | None, index: int) -> torch.Tensor:
        if (name := f"{layer}_{k}_{index}") not in self._masks:
            raise ValueError(f"there is no cluster {index} of {layer}; make some")
        return torch.tensor(self._masks[name])


CLUSTER = {"kind": "ablate", "layer": "L1", "channels": {"cluster": 2, "of": 5}}


def test_a_cluster_is_bent_and_another_when_channels_are_grouped_anew() -> None:
    playing = chain(Grouped(L1_5_2=[0, 1, 0, 1]), **CLUSTER)
    assert changed(playing, {"amount": 1.0}) == [False, True, False, True]
    playing.regroup(Grouped(L1_5_2=[1, 0, 0, 0]))
    assert changed(playing, {"amount": 1.0}) == [True, False, False, False]


def test_a_bend_whose_cluster_went_away_rests_until_there_is_one() -> None:
    told: list[str] = []
    parts = {"bend": bend_cases.part(**CLUSTER)}
    there = Grouped(L1_5_2=[0, 1, 0, 1])
    playing = Chain(parts, PLACES, there, guard=lambda name, error: told.append(str(error)))
    playing.regroup(Grouped())
    assert playing.at(lambda name: {"mix": 1.0, "amount": 1.0}, "cpu") is None
    assert told == ["there is no cluster 2 of L1; make some"]
    playing.regroup(there)
    assert changed(playing, {"amount": 1.0}) == [False, True, False, True]


def test_a_cluster_may_take_a_channel_in_part() -> None:
    x = features()
    playing = chain(Grouped(L1_5_2=[0.25, 0, 0, 0]), **CLUSTER)
    assert torch.allclose(bent(playing, {"amount": 1.0}, "L1", x)[:, 0], x[:, 0] * 0.75)


@pytest.mark.parametrize(
    ("clusters", "line"),
    [
        (None, "no clusters yet; make them"),
        (Grouped(), "there is no cluster 2"),
        (Grouped(L1_5_2=[0, 0, 0, 0]), "cluster 2 of L1 is empty; choose another"),
        (Grouped(L1_5_2=[1, 0, 0]), "of 3 channels, and L1 has 4; make them anew"),
    ],
)
def test_a_cluster_that_is_not_there_is_refused(clusters: Any, line: str) -> None:
    with pytest.raises(PlaceError, match=line) as refused:
        chain(clusters, **CLUSTER)
    assert (refused.value.bend, refused.value.field) == ("bend", ("channels",))


@pytest.mark.parametrize(
    "channels",
    [{"range": [3, 1]}, {"fraction": 0}, {"fraction": 1.5}, {"cluster": 5, "of": 5}, {"cluster": 1, "of": 17}, "some"],
)  # fmt: skip
def test_channels_that_mean_nothing_are_refused(channels: Any) -> None:
    with pytest.raises(ValueError, match="validation error"):
        chain(kind="ablate", layer="L1", channels=channels)


# Where in the picture.


def drawn(folder: Path, height: int, width: int) -> Path:
    """A mask that is white on the left and black on the right."""
    pixels = np.zeros((height, width), np.uint8)
    pixels[:, : width // 2] = 255
    Image.fromarray(pixels).save(folder / "mask.png")
    return folder / "mask.png"


def masked(mask: dict[str, Any], canvas: Canvas, x: torch.Tensor) -> torch.Tensor:
    playing = chain(kind="ablate", layer="L1", mask=mask)
    bends = playing.at(lambda name: {"mix": 1.0, "amount": 1.0}, "cpu", canvas)
    assert bends is not None
    return bends["L1"](x)


@pytest.mark.parametrize("side", [8, 32, 200])
def test_a_drawn_mask_lies_where_the_picture_is_whatever_its_resolution(
    tmp_path: Path, side: int
) -> None:
    x = torch.ones(1, 4, 52, 52)  # a picture of 32 pixels in margins of 10
    result = masked({"file": drawn(tmp_path, side, side)}, Canvas(), x)
    left, right = result[..., :24], result[..., 28:]
    assert not left.any()  # the margin goes on as the mask ends
    assert torch.equal(right, torch.ones_like(right))


def test_a_mask_of_a_wide_canvas_is_wide(tmp_path: Path) -> None:
    x = torch.ones(1, 4, 32, 64)
    result = masked({"file": drawn(tmp_path, 32, 64)}, Canvas(aspect=2.0), x)
    assert result[..., :30].sum() == 0
    assert result[..., 34:].mean() == 1


def test_a_live_mask_bends_where_the_picture_is_bright_or_dark() -> None:
    seen = torch.full([1, 3, 16, 16], -1.0)
    seen[..., :8] = 1
    canvas, x = Canvas(seen=seen), torch.ones(1, 4, 32, 32)
    bright, dark = (masked({"live": where}, canvas, x) for where in ("bright", "dark"))
    assert bright[..., :14].max() < 1e-5
    assert torch.allclose(dark[..., 18:], torch.zeros(()), atol=1e-5)
    assert torch.allclose(bright + dark, torch.ones(()), atol=1e-5)


def test_a_mask_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_text("no picture")
    with pytest.raises(PlaceError, match=r"cannot be read as a picture; save it anew") as refused:
        chain(kind="ablate", layer="L1", mask={"file": tmp_path / "mask.png"})
    assert refused.value.field == ("mask", "file")


# How they go together.


def test_bends_of_a_layer_happen_in_order() -> None:
    x = features()
    playing = both(
        {"kind": "add", "layer": "L1"}, {"kind": "multiply", "layer": "L1", "channels": {"range": [0, 1]}}
    )  # fmt: skip
    values = {"one": {"mix": 1.0, "offset": 2.0}, "other": {"mix": 1.0, "factor": 3.0}}
    bends = playing.at(values.__getitem__, "cpu")
    assert bends is not None
    wanted = torch.cat([(x[:, :2] + 2) * 3, x[:, 2:] + 2], 1)
    assert torch.allclose(bends["L1"](x), wanted)


def test_neighbours_that_move_a_map_are_one_resampling() -> None:
    """Turned by a third of a quarter and back again, nothing is softer than before."""
    x = features()
    playing = both({"kind": "rotate", "layer": "L1"}, {"kind": "rotate", "layer": "L1"})
    values = {"one": {"mix": 1.0, "angle": 30.0}, "other": {"mix": 1.0, "angle": -30.0}}
    bends = playing.at(values.__getitem__, "cpu")
    assert bends is not None
    assert torch.allclose(bends["L1"](x), x, atol=1e-4)


def test_one_resampling_of_two_is_in_the_order_of_the_scene() -> None:
    x = features(40, 40)
    playing = both({"kind": "translate", "layer": "L1"}, {"kind": "rotate", "layer": "L1"})
    values = {"one": {"mix": 1.0, "x": 0.25, "y": 0.0}, "other": {"mix": 1.0, "angle": 90.0}}
    bends = playing.at(values.__getitem__, "cpu")
    assert bends is not None
    moved = torch.rot90(x.roll(8, 3), -1, (2, 3))  # to the right, then a quarter clockwise: down
    assert torch.allclose(inner(bends["L1"](x))[..., 8:, :], inner(moved)[..., 8:, :], atol=1e-4)


@pytest.mark.parametrize(
    "change", [{"mix": 0.5}, {"border": "zeros"}, {"channels": {"range": [0, 1]}}]
)
def test_neighbours_that_differ_are_not_joined(change: dict[str, Any]) -> None:
    x = features()
    mix = change.pop("mix", 1.0)
    playing = both({"kind": "rotate", "layer": "L1"}, {"kind": "rotate", "layer": "L1", **change})
    values = {"one": {"mix": 1.0, "angle": 30.0}, "other": {"mix": mix, "angle": -30.0}}
    bends = playing.at(values.__getitem__, "cpu")
    assert bends is not None
    assert not torch.allclose(bends["L1"](x), x, atol=1e-2)


# What they remember.


def frames(
    playing: Chain, values: dict[str, float], maps: list[torch.Tensor]
) -> list[torch.Tensor]:
    return [bent(playing, values, "L1", x) for x in maps]


def test_feedback_mixes_with_what_left_it_a_frame_before() -> None:
    ones, zeros = torch.ones(1, 4, 8, 8), torch.zeros(1, 4, 8, 8)
    values = {"amount": 0.5, "zoom": 1.0, "turn": 0.0}
    made = frames(chain(kind="feedback", layer="L1"), values, [ones, zeros, zeros])
    assert [float(each.mean()) for each in made] == [1.0, 0.5, 0.25]


def test_freeze_holds_the_first_frame() -> None:
    maps = [torch.full([1, 4, 8, 8], float(number)) for number in range(3)]
    playing = chain(kind="freeze", layer="L1")
    assert [float(x.mean()) for x in frames(playing, {"amount": 1.0}, maps)] == [0, 0, 0]
    assert playing.at(lambda name: {"mix": 1.0, "amount": 0.0}, "cpu") is None
    assert [float(x.mean()) for x in frames(playing, {"amount": 0.5}, maps[1:])] == [1, 1.5]


def test_what_was_forgotten_does_not_come_back() -> None:
    maps = [torch.full([1, 4, 8, 8], float(number)) for number in range(2)]
    playing = chain(kind="freeze", layer="L1")
    frames(playing, {"amount": 1.0}, maps[:1])
    playing.forget()
    assert float(frames(playing, {"amount": 1.0}, maps[1:])[0].mean()) == 1


def test_a_canvas_that_changes_begins_anew() -> None:
    playing = chain(kind="feedback", layer="L1")
    values = {"amount": 0.5, "zoom": 1.0, "turn": 0.0}
    made = frames(playing, values, [torch.ones(1, 4, 8, 8), torch.zeros(1, 4, 9, 8)])
    assert not made[1].any()


def test_another_scene_with_the_same_bend_goes_on_from_where_it_was() -> None:
    part = bend_cases.part("feedback", layer="L1")
    former, following = (Chain({"bend": part}, PLACES) for _ in range(2))
    values = {"amount": 0.5, "zoom": 1.0, "turn": 0.0}
    frames(former, values, [torch.ones(1, 4, 8, 8)])
    following.go_on_from(former)
    assert float(frames(following, values, [torch.zeros(1, 4, 8, 8)])[0].mean()) == 0.5


def test_noise_moves_by_itself_and_stands_at_no_speed() -> None:
    playing, x = chain(kind="displace", layer="L1"), features()
    values = {"amount": 0.2, "size": 0.4, "speed": 1.0}

    def after(seconds: float, speed: float) -> torch.Tensor:
        playing.walk(seconds, lambda name: {**values, "speed": speed})
        return bent(playing, values, "L1", x)

    first = after(0.0, 1.0)
    assert torch.equal(after(1.0, 0.0), first)
    assert not torch.allclose(after(0.5, 1.0), first)


# When something goes wrong.


def failing(x: torch.Tensor, *_: object) -> torch.Tensor:
    raise ValueError("no such thing")


def test_a_bend_that_fails_rests_for_a_while_and_the_others_play() -> None:
    told: list[str] = []
    parts = {"one": bend_cases.part("add", layer="L1"), "other": bend_cases.part("add", layer="L1")}
    parts["one"].apply = failing
    playing = Chain(parts, PLACES, guard=lambda name, error: told.append(f"{name}: {error}"))
    x = features()
    for _ in range(REST_FRAMES):
        assert torch.allclose(bent(playing, {"offset": 1.0}, "L1", x), x + 1)
    assert told == ["one: no such thing"]
    assert torch.allclose(bent(playing, {"offset": 1.0}, "L1", x), x + 1)
    assert len(told) == 2


def test_a_mask_rests_while_the_canvas_has_another_shape(tmp_path: Path) -> None:
    told: list[str] = []
    part = bend_cases.part("ablate", layer="L1", mask={"file": drawn(tmp_path, 32, 32)})
    playing = Chain({"bend": part}, PLACES, guard=lambda name, error: told.append(str(error)))
    x = torch.ones(1, 4, 32, 64)
    bends = playing.at(lambda name: {"mix": 1.0, "amount": 1.0}, "cpu", Canvas(aspect=2.0))
    assert bends is not None
    assert torch.equal(bends["L1"](x), x)
    assert told == ["its mask has not the shape of the canvas any more"]
