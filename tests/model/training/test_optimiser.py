"""The optimiser's state goes wherever the network is that learns."""

import torch
from torch import nn

from model.training.optimiser import Optimiser


def test_a_state_from_a_file_is_laid_where_the_network_is() -> None:
    """Files are read on the processor, and a graphics card's step cannot read them there."""
    layer = nn.Linear(2, 3, device="meta")
    optimiser = Optimiser(layer, 1e-3, (0.0, 0.99))
    optimiser.restore({"weight/exp_avg": torch.ones(3, 2), "weight/step": torch.tensor(4.0)})
    state = optimiser.state()
    assert state["weight/exp_avg"].device.type == "meta"
    assert state["weight/step"] == 4
