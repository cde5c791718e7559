"""A part of the scene at work on a picture, on the processor or replayed on a device."""

import torch

from performer.parameters import Snapshot
from performer.parts import Condition, Following, Post


def applied(
    part: Condition | Post, picture: torch.Tensor, snapshot: Snapshot, name: str
) -> torch.Tensor:
    """``picture`` after a part whose amounts are ``name`` in the snapshot."""
    there, values = snapshot.there, snapshot.under(name)
    if there is None or not isinstance(part, Following):
        return part.apply(picture, values)
    return part.follow(picture, there[name], values)
