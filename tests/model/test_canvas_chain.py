"""The seed system's chain of bends, against its own arithmetic."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.bends.canvas_chain import canvas_chain

OPS = Path(__file__).parents[1] / "golden" / "ops"
CASES = [
    case
    for case in json.loads((OPS / "ops_manifest.json").read_text())["cases"]
    if case["op"].startswith("bend")
]
NEUTRAL: dict[str, Any] = {
    "angle": 0,
    "translate": (0, 0),
    "scale": 1,
    "erosion": 0,
    "dilation": 0,
    "multiply": 1,
}


def given(case: dict[str, Any]) -> dict[str, Any]:
    asked = case["params"]
    if "k" in asked:
        return NEUTRAL | {case["op"].removeprefix("bend_"): asked["k"]}
    return NEUTRAL | {name: asked[name] for name in ("angle", "translate", "scale")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_one_step_is_the_one_of_the_reference(case: dict[str, Any]) -> None:
    arrays = np.load(OPS / "ops.npz")
    x, y = (torch.from_numpy(arrays[case["arrays"][name]["key"]]) for name in ("x", "y"))
    assert torch.equal(canvas_chain(**given(case), channels=[True] * x.shape[1])(x), y)


def test_only_the_chosen_channels_are_bent_and_never_those_of_a_skip() -> None:
    x = torch.randn(1, 5, 6, 6)
    bent = canvas_chain(**NEUTRAL | {"multiply": 3}, channels=[True, False, True])(x)
    assert torch.equal(bent[:, [0, 2]], x[:, [0, 2]] * 3)
    assert torch.equal(bent[:, [1, 3, 4]], x[:, [1, 3, 4]])


@pytest.mark.parametrize("amounts", [{"scale": 0}, {"erosion": -1}, {"dilation": -3}])
def test_an_impossible_amount_is_refused(amounts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not 0|from 0 up"):
        canvas_chain(**NEUTRAL | amounts, channels=[True])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays(dtype: torch.dtype) -> None:
    x = torch.randn(1, 2, 8, 8, dtype=dtype)
    bend = canvas_chain(30, (1, 2), 1.2, 2, 3, 0.5, channels=[True, False])
    assert bend(x).dtype == dtype
