"""The operators reproduce the recorded cases on both paths, in both precisions."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import cuda_ops

FOLDER = Path(__file__).parents[1] / "golden" / "ops"
OPERATORS = {
    "upfirdn2d": cuda_ops.upfirdn2d,
    "filter2d": cuda_ops.filter2d,
    "upsample2d": cuda_ops.upsample2d,
    "downsample2d": cuda_ops.downsample2d,
    "setup_filter": cuda_ops.setup_filter,
    "bias_act": cuda_ops.bias_act,
    "filtered_lrelu": cuda_ops.filtered_lrelu,
    "conv2d_resample": cuda_ops.conv2d_resample,
    "modulated_conv2d_sg2": cuda_ops.modulated_conv2d_stylegan2,
    "modulated_conv2d_sg3": cuda_ops.modulated_conv2d_stylegan3,
}
CASES = [
    case
    for case in json.loads((FOLDER / "ops_manifest.json").read_text())["cases"]
    if case["op"] in OPERATORS
]


@pytest.fixture(scope="module")
def arrays():
    with np.load(FOLDER / "ops.npz") as stored:
        return dict(stored)


def arguments(case, arrays, dtype):
    """The case's arguments and its result, as tensors of one dtype."""
    tensors = {
        name: None if entry is None else torch.from_numpy(arrays[entry["key"]]).to(dtype)
        for name, entry in case["arrays"].items()
    }
    expected = tensors.pop("y")
    # Fused and unfused modulation are one and the same in exact arithmetic.
    parameters = {k: v for k, v in case["params"].items() if k != "fused_modconv"}
    if case["op"] == "setup_filter" and parameters["f"] is not None:
        parameters["f"] = torch.tensor(parameters["f"], dtype=dtype)
    return tensors | parameters, expected


def tolerance(expected, dtype):
    return 1e-10 if dtype == torch.float64 else 1e-5 * expected.abs().max().item() + 1e-6


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("path", ["reference", "auto"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_an_operator_reproduces_its_recorded_case(case, path, dtype, arrays):
    options, expected = arguments(case, arrays, dtype)
    with cuda_ops.choose(path):
        result = OPERATORS[case["op"]](**options)
    assert result.shape == expected.shape
    assert (result - expected).abs().max() <= tolerance(expected, dtype)


def test_every_operator_has_recorded_cases():
    assert {case["op"] for case in CASES} == set(OPERATORS)
