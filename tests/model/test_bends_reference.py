"""Each bend does what its slow reference in float64 does."""

import pytest
import torch

from performer import registry
from tests.model.bend_cases import case, largest
from tests.model.bend_reference import REFERENCES

KINDS = sorted(REFERENCES)
# Positions in float32 are exact to some 1e-5 of a pixel, and neighbours differ by up to 8.
BOUND = 2e-3


def test_every_bend_has_a_reference() -> None:
    assert set(registry.kinds("bends")) == {*KINDS, "canvas_chain"}  # that one has golden ones


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", KINDS)
def test_a_bend_is_what_its_reference_is(kind: str, seed: int) -> None:
    given = case(kind, seed)
    wanted = given.wanted
    scale = max(1.0, largest(wanted))
    assert largest(given.applied().double() - wanted) < BOUND * scale


@pytest.mark.parametrize("kind", KINDS)
def test_a_bend_keeps_double_precision(kind: str) -> None:
    given = case(kind, 0)
    wide = given._replace(maps=given.maps.double(), amounts=given.amounts.double())
    assert wide.applied().dtype == torch.float64
