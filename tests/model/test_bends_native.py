"""A network bends alike on native kernels and in torch."""

from typing import Any

import pytest
import torch
from torch import Tensor

import cuda_ops
import model
from model.bends.chain import Chain, places
from model.network import Network
from tests.model.bend_cases import part

AMOUNTS = {
    "rotate": {"angle": 33.0},
    "erode": {"radius": 0.03},
    "threshold": {"amount": 0.5},
    "swap": {"amount": 0.7},
    "adain": {"amount": 0.8},
    "feedback": {"amount": 0.6, "zoom": 1.02},
    "freeze": {"amount": 0.5},
    "displace": {"amount": 0.1},
    "canvas_chain": {"angle": 20.0, "dilation": 2},
}


@pytest.fixture(scope="module")
def network() -> Network:
    if not cuda_ops.is_native():
        pytest.skip("no native kernels here")
    found = model.untrained(3, resolution=64)
    found.set_precision("float32")
    return found


def painted(network: Network, path: str, bends: dict[str, Any], frames: int) -> list[Tensor]:
    parts = {name: part(**settings) for name, settings in bends.items()}
    values = {
        name: made.settings.starts() | AMOUNTS[made.settings.kind] for name, made in parts.items()
    }
    chain = Chain(parts, places(network.config, network))
    for placed in chain._placed:
        count = placed.place.channels
        placed.stored = {"mean": torch.zeros(count), "deviation": torch.ones(count)}
    torch.manual_seed(0)
    made = []
    with torch.inference_mode(), cuda_ops.choose(path):
        for _ in range(frames):
            w = network.mapping(torch.randn(1, network.config.z_dim))
            code = network.encoder(torch.rand(1, 3, 64, 64) * 2 - 1)  # type: ignore[misc]
            chain.walk(0.1, values.__getitem__)
            picture = network.synthesis(w, code, bends=chain.at(values.__getitem__, "cpu"))
            assert isinstance(picture, Tensor)
            made.append(picture)
    return made


def near(one: Tensor, other: Tensor) -> bool:
    return float((one - other).norm()) < 2e-4 * float(other.norm())


@pytest.mark.parametrize("kind", AMOUNTS)
@pytest.mark.parametrize("layer", ["0%", "40%", "90%", "100%"])
def test_a_bend_is_the_same(network: Network, kind: str, layer: str) -> None:
    more = {"file": None} if kind == "adain" else {}
    bends = {"one": {"kind": kind, "layer": layer, "mix": 0.9, **more}}
    ways = (painted(network, path, bends, 2) for path in ("auto", "portable"))
    assert all(near(one, other) for one, other in zip(*ways, strict=True))


def test_many_at_once_are_the_same(network: Network) -> None:
    bends = {
        f"{kind}{layer}": {
            "kind": kind,
            "layer": layer,
            "channels": {"fraction": 0.6, "seed": layer},
        }
        for kind in AMOUNTS
        for layer in (2, 5)
    }
    ways = (painted(network, path, bends, 3) for path in ("auto", "portable"))
    assert all(near(one, other) for one, other in zip(*ways, strict=True))


def test_features_that_somebody_wants_are_those_after_bending(network: Network) -> None:
    name = network.config.layers[3]
    chain = Chain({"one": part("multiply", layer=name)}, places(network.config, network))
    code = network.encoder(torch.rand(1, 3, 64, 64) * 2 - 1)  # type: ignore[misc]
    w = network.mapping(torch.randn(1, network.config.z_dim))
    with torch.inference_mode():
        bends = chain.at(lambda _: {"mix": 1.0, "factor": 2.0}, "cpu")
        _, plain = network.synthesis(w, code, features=[name])
        _, bent = network.synthesis(w, code, features=[name], bends=bends)
    assert torch.allclose(bent[name], plain[name] * 2, atol=1e-5)


def test_a_network_without_bends_is_what_it_was_after_them(network: Network) -> None:
    code = network.encoder(torch.rand(1, 3, 64, 64) * 2 - 1)  # type: ignore[misc]
    w = network.mapping(torch.randn(1, network.config.z_dim))
    chain = Chain({"one": part("rotate", layer="50%")}, places(network.config, network))
    with torch.inference_mode():
        first = network.synthesis(w, code)
        network.synthesis(w, code, bends=chain.at(lambda _: {"mix": 1.0, "angle": 9.0}, "cpu"))
        again = network.synthesis(w, code)
    assert isinstance(first, Tensor)
    assert isinstance(again, Tensor)
    assert torch.equal(first, again)
