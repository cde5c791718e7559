"""Adam over the parameters of a network, by name, so that its state can be written as tensors."""

import torch
from torch import Tensor, nn

from model import together


class Optimiser:
    """Adam for what of ``network`` learns."""

    def __init__(self, network: nn.Module, rate: float, betas: tuple[float, float]) -> None:
        named = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
        self._names = [name for name, _ in named]
        self._parameters = [parameter for _, parameter in named]
        self._rate = rate
        self._adam = torch.optim.Adam(self._parameters, rate, betas, eps=1e-8)

    def step(self, loss: Tensor, share: float = 1.0) -> bool:
        """Follow the gradient of ``loss`` at a share of the rate; False if it is not finite.

        Then nothing has changed.
        """
        self._adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        together.average_gradients(self._parameters)
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        if not bool(torch.isfinite(torch.stack(torch._foreach_norm(gradients))).all()):
            return False
        for group in self._adam.param_groups:
            group["lr"] = self._rate * share
        self._adam.step()
        return True

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, by parameter and slot."""
        slots = zip(self._names, self._parameters, strict=True)
        return {
            f"{name}/{slot}": tensor
            for name, parameter in slots
            for slot, tensor in self._adam.state.get(parameter, {}).items()
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a `state`. Errors: ValueError where it is another network's."""
        parameters = dict(zip(self._names, self._parameters, strict=True))
        for key, tensor in state.items():
            name, _, slot = key.rpartition("/")
            if name not in parameters:
                raise ValueError(f"its optimiser knows {name}, which does not learn here")
            # Adam counts its steps on the processor, whatever the device of what learns.
            device = tensor.device if slot == "step" else parameters[name].device
            self._adam.state[parameters[name]][slot] = tensor.to(device, copy=True)
