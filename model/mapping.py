"""The mapping network: from the Gaussian z, and a class, to the latent w.

Source: Karras et al. 2019, arXiv:1812.04948, section 2.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model import together
from model.config_parts import MappingConfig
from model.layers import Affine


class Mapping(nn.Module):
    """Fully connected layers with leaky ReLUs, then truncation.

    ``w_avg`` [w_dim] is the average w, towards which truncation pulls.
    """

    w_avg: Tensor

    def __init__(self, config: MappingConfig) -> None:
        super().__init__()
        self.config = config
        multiplier = config.learning_rate_multiplier
        if config.c_dim:
            self.embed = Affine(config.c_dim, config.embed_features)
        width = config.z_dim + config.embed_features
        for index, features in enumerate(config.features):
            layer = Affine(width, features, learning_rate_multiplier=multiplier)
            self.add_module(f"fc{index}", layer)
            width = features
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    @property
    def layers(self) -> list[Affine]:
        """The fully connected layers, in order."""
        return [getattr(self, f"fc{index}") for index in range(len(self.config.features))]

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        psi: float | Tensor = 1.0,
        cutoff: int | None = None,
    ) -> Tensor:
        """w [N, num_ws, w_dim] of z [N, z_dim] and classes c [N, c_dim] (soft ones mix).

        Args:
            psi: truncation: 1 leaves w, 0 gives the average, beyond 1 exaggerates.
            cutoff: how many of the first rows are truncated; None is all.

        Raises:
            ValueError: z or c has another shape, or a conditional network was given no c.
        """
        x = self._input(z, c)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2) * math.sqrt(2)
        if self.training and self.config.w_avg_beta is not None:
            self._update_average(x, self.config.w_avg_beta)
        return self._truncated(x, psi, cutoff)

    def _input(self, z: Tensor, c: Tensor | None) -> Tensor:
        """z beside the embedded class, each divided by its root mean square."""
        config = self.config
        if z.ndim != 2 or z.shape[1] != config.z_dim:
            raise ValueError(f"z is [N, {config.z_dim}], not {list(z.shape)}")
        if not config.c_dim:
            if c is not None and c.numel():
                raise ValueError("the network knows no classes: leave c away")
            return normalised(z.to(self.w_avg))
        if c is None or c.shape != (z.shape[0], config.c_dim):
            given = "none" if c is None else list(c.shape)
            raise ValueError(f"the network needs classes c [N, {config.c_dim}], not {given}")
        embedded = normalised(self.embed(c.to(self.w_avg)))
        return torch.cat([normalised(z.to(self.w_avg)), embedded], 1) if config.z_dim else embedded

    @torch.no_grad()
    def _update_average(self, w: Tensor, beta: float) -> None:
        self.w_avg.copy_(together.mean(w.detach().mean(0)).lerp(self.w_avg, beta))

    def _truncated(self, w: Tensor, psi: float | Tensor, cutoff: int | None) -> Tensor:
        ws = w[:, None].repeat(1, self.config.num_ws, 1)
        if isinstance(psi, Tensor) or psi != 1:
            ws[:, :cutoff] = self.w_avg + psi * (ws[:, :cutoff] - self.w_avg)
        return ws


def normalised(x: Tensor) -> Tensor:
    """Each row divided by its root mean square."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
