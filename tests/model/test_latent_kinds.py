"""Every kind of latent: continuous in all that is played, the same for the same moment."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import model
from model.errors import LoadError
from model.latent import row_shares, seed_vector, slerp
from model.latent.noise import NoiseField
from model.latent.rows import mix_rows
from model.latent.space import Space, on_host
from model.latent.stored import load, save
from model.latent.vectors import catmull_rom, leaning
from model.latent.walked import Walked
from model.network import Code
from model.options import Options
from performer import registry

KINDS = registry.kinds("latents")
WALKING = ["walk", "wander", "loop", "noise_loop"]
CLOSED = {"walk": {"seeds": [7, 21, 84]}, "loop": {"seeds": [7, 21, 84]}, "noise_loop": {}}


@pytest.fixture(scope="module")
def network() -> model.Network:
    return model.untrained(3, resolution=32, channel_max=24)


@pytest.fixture(scope="module")
def space(network: model.Network) -> Space:
    return Space.of(network).at(None, 0.9, -1)


def latent(network: model.Network, kind: str, **fields: Any) -> Any:
    part = registry.part("latents", kind)
    made = part(part.Settings.model_validate({"kind": kind, **fields}))
    made.prepare(network.config)
    return made


def values(part: Any, **turned: float) -> dict[str, float]:
    return {**part.settings.starts(), **turned}


@pytest.mark.parametrize("kind", KINDS)
def test_a_latent_is_where_its_values_say_whatever_was_asked_before(
    kind: str, network: model.Network, space: Space
) -> None:
    part, other = latent(network, kind), latent(network, kind)
    asked = [part.w(space, walked, values(part)) for walked in (0.3, 5.1, 0.3)]
    assert torch.equal(asked[0], asked[2])
    assert torch.equal(asked[0], other.w(space, 0.3, values(other)))
    assert asked[0].shape == (1, network.config.num_ws, network.config.w_dim)
    assert asked[0].isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_no_knob_makes_a_latent_jump(kind: str, network: model.Network, space: Space) -> None:
    part = latent(network, kind)
    for name, knob in part.settings.knobs().items():
        if knob.step or name in ("truncation", "cutoff") or name.startswith("style"):
            continue
        low, high = knob.low, min(knob.high, knob.low + 3)
        ws = [
            part.w(space, 0.4, values(part, **{name: value}))
            for value in np.linspace(low, high, 400).tolist()
        ]
        steps = [float((b - a).norm()) for a, b in itertools.pairwise(ws)]
        assert max(steps) <= 0.1 * float(ws[0].norm()), name


@pytest.mark.parametrize("kind", WALKING)
@pytest.mark.parametrize("through", ["z", "w"])
def test_walking_moves_and_never_jumps(
    kind: str, through: str, network: model.Network, space: Space
) -> None:
    fields = {"through": through} if kind in ("walk", "loop") else {}
    part = latent(network, kind, **{**CLOSED.get(kind, {}), **fields})
    round_ = min(part.period, 4.0)
    ws = [part.w(space, step / 400 * round_, values(part)) for step in range(401)]
    steps = [float((b - a).norm() / a.norm()) for a, b in itertools.pairwise(ws)]
    assert max(steps) < 0.06
    assert float((ws[150] - ws[0]).norm() / ws[0].norm()) > 0.2


@pytest.mark.parametrize("kind", CLOSED)
def test_rounds_close_exactly(kind: str, network: model.Network, space: Space) -> None:
    part = latent(network, kind, **CLOSED[kind])
    start = part.w(space, 0.0, values(part))
    assert torch.equal(part.w(space, part.period % part.period, values(part)), start)
    if kind != "walk":
        assert torch.equal(part.w(space, part.period, values(part)), start)
        assert torch.equal(part.w(space, 0.0, values(part, position=1.0)), start)


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("through", ["z", "w"])
def test_a_loop_visits_its_keyframes(
    smooth: bool, through: str, network: model.Network, space: Space
) -> None:
    part = latent(network, "loop", seeds=[7, 21, 84], smooth=smooth, through=through)
    for number, seed in enumerate([7, 21, 84, 7]):
        w = space.of_z(seed_vector(seed, network.config.z_dim))
        assert torch.allclose(part.w(space, float(number), values(part)), w, atol=1e-5)


def test_a_smooth_loop_has_no_corner(network: model.Network, space: Space) -> None:
    step = 1e-3
    speeds = {}
    for smooth in (True, False):
        part = latent(network, "loop", seeds=[7, 21, 84], smooth=smooth, through="w")
        before, at, after = (part.w(space, 1 + way, values(part)) for way in (-step, 0.0, step))
        speeds[smooth] = float(((after - at) - (at - before)).norm() / step)
    assert speeds[True] < 0.05 * speeds[False]


def test_catmull_rom_weighs_as_its_equation_says() -> None:
    basis = 0.5 * np.array([[-1, 3, -3, 1], [2, -5, 4, -1], [-1, 0, 1, 0], [0, 2, 0, 0]])
    for t in np.random.default_rng(1).uniform(0, 1, 9):
        assert catmull_rom(t) == pytest.approx(np.array([t**3, t**2, t, 1]) @ basis)
    assert catmull_rom(0.0) == (0, 1, 0, 0)
    assert catmull_rom(1.0) == (0, 0, 1, 0)


def test_noise_is_gaussian_everywhere_and_smooth() -> None:
    noise = NoiseField(3, 4000, 1)
    for point in (0.0, 2.7, 1e6):
        assert noise.at([point]).std() == pytest.approx(1, abs=0.05)
    start = noise.at([5.0])
    correlation = [np.corrcoef(start, noise.at([5.0 + far]))[0, 1] for far in (0.01, 1.0, 4.0)]
    assert correlation[0] > 0.999
    assert correlation[1] == pytest.approx(math.exp(-0.5), abs=0.06)
    assert abs(correlation[2]) < 0.06


def test_reach_leads_from_the_seed_to_noise_and_keeps_the_length() -> None:
    one, other = seed_vector(1, 4000), seed_vector(2, 4000)
    assert np.array_equal(leaning(one, other, 0), one)
    assert leaning(one, other, 1) == pytest.approx(other)
    assert leaning(one, other, 0.4).std() == pytest.approx(1, abs=0.05)


def test_a_wander_of_no_reach_stays_at_its_seed(network: model.Network, space: Space) -> None:
    part = latent(network, "wander", seed=7)
    still = space.of_z(seed_vector(7, network.config.z_dim))
    assert torch.equal(part.w(space, 3.3, values(part, reach=0)), still)


@pytest.mark.parametrize("through", ["z", "w"])
def test_a_grid_has_its_seeds_at_the_crossings(
    through: str, network: model.Network, space: Space
) -> None:
    seeds = [[1, 2, 3], [4, 5, 6]]
    part = latent(network, "grid", seeds=seeds, through=through)
    for y, x in itertools.product(range(2), range(3)):
        w = space.of_z(seed_vector(seeds[y][x], network.config.z_dim))
        found = part.w(space, 0.0, values(part, x=x / 2, y=float(y)))
        assert torch.allclose(found, w, atol=1e-5)
    one = latent(network, "grid", seeds=[[5]], through=through)
    w = space.of_z(seed_vector(5, network.config.z_dim))
    assert torch.allclose(one.w(space, 0.0, values(one, x=0.7)), w, atol=1e-5)


def test_w_is_mixed_straight_and_z_on_the_sphere(network: model.Network, space: Space) -> None:
    z = [seed_vector(seed, network.config.z_dim) for seed in (7, 21)]
    ends = [space.of_z(each) for each in z]
    at = {"position": 0.25}
    part = latent(network, "walk", seeds=[7, 21], through="w")
    assert torch.allclose(
        part.w(space, 0, values(part, **at)), ends[0].lerp(ends[1], 0.25), atol=1e-5
    )
    part = latent(network, "walk", seeds=[7, 21])
    assert torch.equal(part.w(space, 0, values(part, **at)), space.of_z(slerp(*z, 0.25)))


def test_stored_w_is_truncated_as_any(network: model.Network) -> None:
    z = seed_vector(7, network.config.z_dim)
    plain = Space.of(network)
    for psi, cutoff in ((0.3, -1), (1.4, 2), (1.0, -1), (0.0, 0)):
        cut = plain.at(None, psi, cutoff)
        assert torch.allclose(cut.of_w(plain.of_z(z)[0]), cut.of_z(z), atol=1e-6)


def test_a_point_is_the_w_of_its_file_or_on_the_way_there(
    network: model.Network, tmp_path: Path
) -> None:
    plain, file = Space.of(network), tmp_path / "a.latent.safetensors"
    w = torch.randn(1, network.config.w_dim)
    save(w, file, {"picture": "a.png"})
    part = latent(network, "point", file=file, seed=7)
    there = part.w(plain, 0, values(part))
    assert torch.equal(there, w.expand(1, network.config.num_ws, -1))
    seed = plain.of_z(seed_vector(7, network.config.z_dim))
    assert torch.allclose(part.w(plain, 0, values(part, mix=0.25)), seed.lerp(there, 0.25))
    assert part.settings.truncation == 1


def test_a_w_that_does_not_fit_is_one_line(network: model.Network, tmp_path: Path) -> None:
    file = tmp_path / "a.latent.safetensors"
    for w, says in [
        (torch.zeros(1, 7), r"is a w \[1, 7\] of another network; \[1 or \d+, 512\] fits here"),
        (torch.zeros(2, network.config.w_dim), "of another network"),
        (torch.full((1, network.config.w_dim), torch.nan), "holds no whole w; make it anew"),
        (torch.zeros(network.config.w_dim), "holds no whole w"),
    ]:
        save(w, file, {})
        with pytest.raises(LoadError, match=says):
            load(file, network.config)
    file.write_bytes(b"{}")
    with pytest.raises(LoadError, match=r"a\.latent\.safetensors: is damaged"):
        load(file, network.config)


def test_rows_are_taken_in_gradually() -> None:
    assert row_shares(1, 3, 5).tolist() == [0, 1, 1, 0, 0]
    assert row_shares(0.25, 2.5, 4).tolist() == [0.75, 1, 0.5, 0]
    assert row_shares(1.25, 1.75, 3).tolist() == [0, 0.5, 0]
    assert not row_shares(2, 2, 4).any()
    assert not row_shares(3, 1, 4).any()
    assert row_shares(0, 32, 3).tolist() == [1, 1, 1]


def test_styles_mix_by_row_and_share() -> None:
    w, style = torch.randn(1, 5, 8), torch.randn(1, 5, 8)
    mixed = mix_rows(w.clone(), style, 1, 3.5, 0.5)
    shares = torch.tensor([0, 0.5, 0.5, 0.25, 0])[:, None]
    assert torch.allclose(mixed, w + shares * (style - w), atol=1e-6)
    whole = mix_rows(w.clone(), style, 1, 3, 1)
    assert torch.equal(whole[:, 1:3], style[:, 1:3])
    assert torch.equal(whole[:, 3:], w[:, 3:])


def test_a_steady_walk_adds_up_to_no_error() -> None:
    walked = Walked()
    for frame in range(30 * 60 * 10 + 1):
        walked.go(0.1, frame / 30, 1 / 30 if frame else 0.0, 3.0)
    assert walked.way == 60.0 % 3.0  # a round of 30 seconds: exactly at its start


def test_a_walk_goes_on_from_where_it_is_put_and_when_its_speed_changes() -> None:
    walked = Walked()
    walked.go(1.0, 10.0, 0.0, math.inf)
    walked.go(1.0, 10.5, 0.5, math.inf)
    walked.go(2.0, 11.0, 0.5, math.inf)
    assert walked.way == pytest.approx(1.5)
    walked.way = 0.25
    walked.go(2.0, 12.0, 1.0, 2.0)
    assert walked.way == pytest.approx(0.25)
    walked.go(2.0, 60.0, 0.1, 2.0)  # it was not asked for long, as one that waits backstage
    assert walked.way == pytest.approx(0.45)


def test_rows_go_from_the_latent_to_the_encoder_continuously(network: model.Network) -> None:
    rows = network.config.num_ws
    w = torch.randn(1, rows, network.config.w_dim)
    code = Code([], torch.randn(1, 1, network.config.w_dim).expand(1, rows, -1), 4)

    def mixed(first: float, end: float, mix: float) -> torch.Tensor:
        values = {"encoder_from": first, "encoder_to": end, "encoder_mix": mix}
        found, left = Options(network).mixed(w, code, values)
        return torch.cat([left.w[:, : left.encoder_ws], found[:, left.encoder_ws :]], 1)

    trained = torch.cat([code.w[:, :4], w[:, 4:]], 1)
    assert torch.equal(mixed(0, 0, 0.5), trained)
    assert torch.equal(mixed(0, 32, 0), w)
    assert torch.equal(mixed(0, 32, 1), code.w)
    assert torch.equal(mixed(0, 4, 1), trained)
    some = mixed(2, 6.5, 0.25)
    assert torch.equal(some[:, :2], code.w[:, :2])
    assert torch.allclose(some[:, 2:6], w[:, 2:6].lerp(code.w[:, 2:6], 0.25))
    assert torch.allclose(some[:, 6], w[:, 6].lerp(code.w[:, 6], 0.125))
    assert torch.equal(some[:, 7:], w[:, 7:])


def test_w_of_a_network_on_a_device_is_made_on_the_processor(network: model.Network) -> None:
    with torch.inference_mode():
        network.mapping(torch.randn(1, network.config.z_dim))  # it has played
    copied = on_host(network.mapping)
    z = torch.randn(2, network.config.z_dim)
    assert copied is not network.mapping
    assert torch.equal(copied(z, psi=0.7), network.mapping(z, psi=0.7))
