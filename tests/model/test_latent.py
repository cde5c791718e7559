import itertools

import numpy as np
import pytest

from model.latent import SeedPath, seed_vector, slerp, there_and_back


def test_a_seed_means_what_it_means_in_every_stylegan_tool() -> None:
    assert np.array_equal(seed_vector(7, 16), np.random.RandomState(7).randn(16))


def test_slerp_starts_and_ends_where_it_should_and_keeps_the_length() -> None:
    start, end = seed_vector(1, 64), seed_vector(2, 64)
    assert slerp(start, end, 0.0) == pytest.approx(start)
    assert slerp(start, end, 1.0) == pytest.approx(end)
    middle = np.linalg.norm(slerp(start, end, 0.5))
    assert middle == pytest.approx((np.linalg.norm(start) + np.linalg.norm(end)) / 2)


def test_slerp_between_equal_and_opposite_vectors_stays_finite() -> None:
    vector = seed_vector(1, 8)
    assert slerp(vector, vector, 0.5) == pytest.approx(vector)
    assert np.isfinite(slerp(vector, -vector, 0.5)).all()


@pytest.mark.parametrize(("position", "seed"), [(0.0, 7), (0.5, 21), (1.0, 84), (-1, 7), (2, 84)])
def test_a_path_visits_its_seeds(position: float, seed: int) -> None:
    path = SeedPath([7, 21, 84], 16)
    assert path.z(position) == pytest.approx(seed_vector(seed, 16))


def test_a_path_of_one_seed_stays_there() -> None:
    path = SeedPath([7], 16)
    assert path.z(0.7) == pytest.approx(seed_vector(7, 16))


def test_a_path_never_jumps() -> None:
    path = SeedPath([7, 21, 84], 16)
    places = [path.z(there_and_back(step / 200)) for step in range(600)]
    steps = [np.linalg.norm(b - a) for a, b in itertools.pairwise(places)]
    assert max(steps) < 0.1


def test_walking_turns_round_at_both_ends() -> None:
    ways = [0, 0.5, 1, 1.5, 2, 2.25, 3]
    assert [there_and_back(way) for way in ways] == [0, 0.5, 1, 0.5, 0, 0.25, 1]
