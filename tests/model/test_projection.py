"""Projection finds its way back, on a network small enough to try."""

import torch

import model
from model.latent import seed_vector
from model.projection import project


def _plain(images: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    return (images - references).abs().mean((1, 2, 3))


def test_the_distance_falls_and_the_best_is_kept() -> None:
    network = model.untrained(3, resolution=32, channel_max=16)
    z = torch.from_numpy(seed_vector(5, network.config.z_dim)[None]).float()
    with torch.no_grad():
        code = network.encoder(torch.zeros(1, 3, 32, 32))
        w = network.mapping(z)
        target = network.synthesis(w, code)
    found = list(project(network, target, _plain, 40, code))
    distances = [each.distance for each in found]
    assert distances == sorted(distances, reverse=True)
    assert found[-1].distance < 0.6 * found[-1].first
    assert found[-1].first == distances[0]
    assert found[-1].w.shape == (1, network.config.w_dim)
    with torch.no_grad():
        painted = network.synthesis(found[-1].w.expand(1, network.config.num_ws, -1), code)
    again = _plain(painted, target) + 0.5 * torch.nn.functional.mse_loss(painted, target)
    assert abs(float(again) - found[-1].distance) < 1e-3
    (once,) = list(project(network, target, _plain, 1, code))
    assert once.distance == distances[0]
