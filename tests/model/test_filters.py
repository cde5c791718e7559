"""Filters are those of the paper, and so is the schedule that asks for them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.config_parts import AliasFreeLayerConfig
from model.filters import lowpass
from model.schedule import alias_free_layers

OPS = Path(__file__).parents[1] / "golden" / "ops"
MANIFEST = json.loads((OPS / "ops_manifest.json").read_text())
CASES = [case for case in MANIFEST["cases"] if case["op"].startswith("lowpass")]
ARRAYS = np.load(OPS / "ops.npz")
EXACT = {"rtol": 0, "atol": 1e-12}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_filter_is_the_one_of_the_reference(case: dict[str, Any]) -> None:
    asked = case["params"]
    radial = case["op"] == "lowpass_radial"
    half_width = asked["width"] / 2
    designed = lowpass(asked["numtaps"], asked["cutoff"], half_width, asked["fs"], radial=radial)
    np.testing.assert_allclose(designed, ARRAYS[case["arrays"]["y"]["key"]], **EXACT)


def test_one_tap_filters_nothing() -> None:
    assert lowpass(1, 2.0, 6.0, 32) is None


def test_a_radial_filter_has_no_middle_tap() -> None:
    with pytest.raises(ValueError, match="even number of taps, not 13"):
        lowpass(13, 2.0, 6.0, 32, radial=True)


@pytest.mark.parametrize("name", MANIFEST["schedules"])
def test_a_full_size_schedule_is_the_one_of_the_reference(name: str) -> None:
    wanted = MANIFEST["schedules"][name]
    budget = wanted["channel_base"], wanted["channel_max"]
    variant = "r" if name.startswith("r") else "t"
    layers = alias_free_layers(wanted["img_resolution"], *budget, variant=variant)
    for layer, facts in zip(layers, wanted["layers"], strict=True):
        check_layer(layer, facts)


def check_layer(layer: AliasFreeLayerConfig, facts: dict[str, Any]) -> None:
    assert layer.name == facts["name"]
    assert layer.is_rgb == facts["is_torgb"]
    assert (layer.in_channels, layer.out_channels) == (facts["in_channels"], facts["out_channels"])
    assert layer.in_size == (facts["in_size"],) * 2
    assert layer.out_size == (facts["out_size"],) * 2
    assert (layer.up, layer.down) == (facts["up_factor"], facts["down_factor"])
    assert list(layer.padding) == facts["padding"]
    up_rate, down_rate = layer.in_rate * layer.up, layer.out_rate * layer.down
    up = lowpass(layer.up_taps, layer.in_cutoff, layer.in_half_width, up_rate)
    radial = layer.radial
    half_width = layer.out_half_width
    down = lowpass(layer.down_taps, layer.out_cutoff, half_width, down_rate, radial=radial)
    for designed, key in ((up, facts["up_filter"]), (down, facts["down_filter"])):
        if key is None:
            assert designed is None
        else:
            np.testing.assert_allclose(designed, ARRAYS[key], **EXACT)
