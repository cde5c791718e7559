"""The path is chosen for the whole process, and says so."""

import pytest
import torch

import cuda_ops


@pytest.fixture(autouse=True)
def restore():
    yield
    cuda_ops.choose("auto")


def test_a_choice_lasts_until_the_next():
    cuda_ops.choose("reference")
    assert cuda_ops.path().startswith("reference:")
    cuda_ops.choose("auto")
    assert cuda_ops.path().startswith("portable:")


def test_a_choice_by_context_ends_with_it_even_after_an_error():
    with pytest.raises(ValueError, match="auto, reference"), cuda_ops.choose("reference"):
        cuda_ops.choose("fastest")
    assert cuda_ops.path().startswith("portable:")


def test_the_line_for_doctor_is_one_line_with_a_reason():
    for name in ("auto", "reference"):
        with cuda_ops.choose(name):
            path, _, reason = cuda_ops.path().partition(": ")
            assert path
            assert reason
            assert "\n" not in reason


def test_an_unknown_path_is_refused_and_changes_nothing():
    with pytest.raises(ValueError, match="auto, reference"):
        cuda_ops.choose("fastest")
    assert cuda_ops.path().startswith("portable:")


def test_the_chosen_path_is_the_one_that_runs(monkeypatch):
    def refuse(*_):
        raise AssertionError("the reference was called")

    monkeypatch.setattr("cuda_ops.reference.filtered_lrelu", refuse)
    x, f = torch.randn(1, 1, 16, 16), torch.rand(4)
    cuda_ops.filtered_lrelu(x, f, f, up=2, down=2)
    with cuda_ops.choose("reference"), pytest.raises(AssertionError, match="was called"):
        cuda_ops.filtered_lrelu(x, f, f, up=2, down=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"up": 0}, "scale"),
        ({"down": [1, 2, 3]}, "scale"),
        ({"padding": [1, 2, 3]}, "padding"),
        ({"f": torch.rand(2, 2, 2)}, "one or two axes"),
    ],
)
@pytest.mark.parametrize("path", ["auto", "reference"])
def test_nonsense_is_refused_in_words(path, options, message):
    arguments = {"f": torch.rand(4)} | options
    with cuda_ops.choose(path), pytest.raises(ValueError, match=message):
        cuda_ops.upfirdn2d(torch.randn(1, 1, 16, 16), **arguments)


def test_an_unknown_activation_is_refused_by_name():
    with pytest.raises(ValueError, match="no activation 'gelu'"):
        cuda_ops.bias_act(torch.randn(1, 1), act="gelu")
