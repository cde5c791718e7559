"""Judges a network that paints from z alone: StyleGAN2 and StyleGAN3."""

from pathlib import Path

import torch
from torch import Tensor

from model.latent import seed_vector
from model.metrics.equivariance import eq_r, eq_t
from model.network import Network
from model.networks import from_config
from model.stylegan3 import StyleGAN3
from performer.evaluation import likeness
from performer.evaluation.figures import NETWORK, Figure
from performer.evaluation.material import Material
from performer.progress import progress

UNTRAINED = "untrained"
MOVEMENTS = 8


class GeneratorJudge:
    """Paints seeds 0, 1, 2 …, and measures them as a set against the photographs."""

    def __init__(self, network: Network, material: Material) -> None:
        self._network = network
        self._material = material
        self.pictures: list[Tensor] = []

    def figures(self, most: int, inception: Path | None) -> list[Figure]:
        """All there is to measure; as many pictures are painted as there are photographs' crops."""
        truth = self._material.squares(self._network.config.resolution, most)
        self.pictures = [
            _painted(self._network, s) for s in progress(range(len(truth)), "painting")
        ]
        sets = {NETWORK: self.pictures}
        found = likeness.as_sets(sets, truth)
        if inception is not None:
            found += likeness.with_inception(inception, sets, truth)
        return found + (_moved(self._network) if isinstance(self._network, StyleGAN3) else [])


def _painted(network: Network, seed: int) -> Tensor:
    device = next(network.parameters()).device
    z = torch.from_numpy(seed_vector(seed, network.config.z_dim)).float()[None].to(device)
    classes = network.config.mapping.c_dim
    c = torch.eye(classes, device=device)[seed % classes][None] if classes else None
    picture = network.generate(z, c)
    assert isinstance(picture, Tensor)
    return picture.float().clamp(-1, 1).cpu()


def _moved(network: StyleGAN3) -> list[Figure]:
    """EQ-T and EQ-R, beside a network that learned nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        untrained = from_config(network.config).to(next(network.parameters()).device)
    assert isinstance(untrained, StyleGAN3)
    untrained.eval().requires_grad_(False)
    beside = {NETWORK: network, UNTRAINED: untrained}
    found = []
    for name, measure in {"EQ-T": eq_t, "EQ-R": eq_r}.items():
        values = {
            who: measure(each, MOVEMENTS) for who, each in progress(list(beside.items()), name)
        }
        found.append(Figure(f"{name}, dB", "higher", values, 1))
    return found
