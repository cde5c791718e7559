"""The latent space of one network, as one frame truncates it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from model.latent.vectors import Vector

if TYPE_CHECKING:
    import torch

    from model.config import Config


@dataclass(frozen=True, slots=True)
class Space:
    """From places in z, or from stored w, to the w of this frame.

    Attributes:
        mapping: a network's own, [N, z_dim] to [N, num_ws, w_dim].
        average: the mean w [w_dim].
        c: the class of the frame [1, c_dim], or None.
        psi, cutoff: its truncation; see `model.mapping.Mapping`.
    """

    mapping: Callable[..., "torch.Tensor"]
    average: "torch.Tensor"
    config: "Config"
    c: "torch.Tensor | None" = None
    psi: float = 1.0
    cutoff: int | None = None

    @classmethod
    def of(cls, network: Any) -> "Space":
        """That of a network, not truncated; on the processor wherever the network lies.

        There a w is ready sooner than a device has been told what to do for it.
        """
        mapping = network.mapping
        if mapping.w_avg.device.type != "cpu":
            mapping = on_host(mapping)
        return cls(mapping, mapping.w_avg, network.config)

    def at(self, c: "torch.Tensor | None", psi: float, cutoff: int) -> "Space":
        """The same for a frame; a negative ``cutoff`` truncates all rows."""
        return replace(self, c=c, psi=psi, cutoff=None if cutoff < 0 else cutoff)

    def of_z(self, *z: Vector, weights: Sequence[float] = (1.0,)) -> "torch.Tensor":
        """w [1, num_ws, w_dim] of one z [z_dim], or of several mixed in W by their ``weights``."""
        import torch

        batch = torch.from_numpy(np.stack(z).astype(np.float32)).to(self.average.device)
        c = None if self.c is None else self.c.expand(len(z), -1)
        w = self.mapping(batch, c=c, psi=self.psi, cutoff=self.cutoff)
        if len(z) == 1:
            return w
        return (w * w.new_tensor(weights)[:, None, None]).sum(0, keepdim=True)

    def of_w(self, stored: "torch.Tensor") -> "torch.Tensor":
        """w [1, num_ws, w_dim] of a stored one, [1 or num_ws, w_dim], truncated as any."""
        w = stored.expand(1, self.config.num_ws, -1).clone()
        if self.psi != 1:
            w[:, : self.cutoff] = self.average.lerp(w[:, : self.cutoff], self.psi)
        return w


def on_host(mapping: Any) -> Any:
    """A mapping network of its own, on the processor, with the same weights."""
    from model.mapping import Mapping

    copied = Mapping(mapping.config)
    copied.load_state_dict({name: each.cpu() for name, each in mapping.state_dict().items()})
    return copied.eval().requires_grad_(False)
