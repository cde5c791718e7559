"""The fastest cut is measured once, kept, and found again; a bad file harms nobody."""

from pathlib import Path

import pytest
import torch

from cuda_ops.cpu.filters import Separable
from cuda_ops.cuda import filtered_lrelu as kernel
from cuda_ops.cuda.filtered_lrelu import Cut, Filters
from cuda_ops.cuda.kinds import HALF
from cuda_ops.cuda.tuning import Choices

SIZE = (148, 148)
FILTERS = Filters(2, torch.zeros(12), Separable(*[torch.zeros(1, 12)] * 2), 9, 0.2, 256.0)


class _Engine:
    processors, shared_bytes, literal = 132, 227 << 10, True

    def __init__(self, file: Path | None = None) -> None:
        self.choices = Choices(file)


def _chosen(engine: _Engine) -> Cut:
    return kernel.chosen(HALF, FILTERS, 512, SIZE, engine)


def test_a_cut_that_was_kept_is_found_by_the_next_process(tmp_path: Path) -> None:
    file = tmp_path / "cuda" / "choices.json"
    engine = _Engine(file)
    others = kernel.candidates(HALF, FILTERS, 512, SIZE, engine)
    other = next(cut for cut in others if cut != _chosen(engine))
    engine.choices.keep(kernel.purpose(HALF, FILTERS, 512, SIZE), other)
    assert _chosen(engine) == other
    assert _chosen(_Engine(file)) == other
    assert kernel.chosen(HALF, FILTERS, 256, SIZE, _Engine(file)) != other


def test_a_cut_that_the_kernel_does_not_know_any_more_is_not_played(tmp_path: Path) -> None:
    engine = _Engine(tmp_path / "choices.json")
    usual = _chosen(engine)
    engine.choices.keep(kernel.purpose(HALF, FILTERS, 512, SIZE), Cut(7, 1, 1, 7, 1, 8))
    assert _chosen(engine) == usual


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"a": "b", "c": [1.5]}', "\0"])
def test_a_file_that_cannot_be_read_counts_as_empty(tmp_path: Path, text: str) -> None:
    file = tmp_path / "choices.json"
    file.write_text(text)
    assert Choices(file).find("a") is None
    assert Choices(file).find("c") is None
