"""Filters are those of the paper, and so is the schedule that asks for them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.signal

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


@pytest.mark.parametrize("resolution", [16, 64, 256, 1024])
def test_a_filter_is_in_float32_the_one_that_scipy_designs(resolution: int) -> None:
    for layer in alias_free_layers(resolution, 4096, 64):
        if layer.up_taps == 1:
            continue
        band = layer.in_cutoff, layer.in_half_width, layer.in_rate * layer.up
        designed = lowpass(layer.up_taps, *band)
        wanted = scipy.signal.firwin(layer.up_taps, band[0], width=2 * band[1], fs=band[2])
        assert designed is not None
        np.testing.assert_allclose(designed, wanted, **EXACT)
        np.testing.assert_array_equal(designed.astype(np.float32), wanted.astype(np.float32))


@pytest.mark.parametrize(("taps", "half_width"), [(12, 6.0), (12, 1.0), (12, 0.1), (64, 8.0)])
def test_the_window_is_the_one_of_scipy_at_any_attenuation(taps: int, half_width: float) -> None:
    wanted = scipy.signal.firwin(taps, 4.0, width=2 * half_width, fs=64)
    np.testing.assert_allclose(lowpass(taps, 4.0, half_width, 64), wanted, **EXACT)


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
