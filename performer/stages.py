"""The stations of the frame, each a small callable made once from the scene."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch

from model.bends.chain import Chain
from model.latent import SeedPath, there_and_back
from performer import pictures
from performer.clock import Moment
from performer.parameters import Snapshot
from performer.parts import Condition, Picture, Post


class Footage(Protocol):
    """A source, offline; or the capture thread in front of it, live."""

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture: ...


class Latent:
    """Where in the latent space this frame is."""

    def __init__(self, path: SeedPath) -> None:
        self._path = path
        self._walked = 0.0

    def __call__(self, snapshot: Snapshot) -> torch.Tensor:
        """w [1, num_ws, w_dim] of this frame."""
        way = self.walk(snapshot)
        return self._path.w(there_and_back(way), snapshot["latent.truncation"])

    def walk(self, snapshot: Snapshot) -> float:
        """Go on walking; how far along the path this frame is."""
        step = snapshot["latent.speed"] * snapshot.moment.delta / self._path.legs
        self._walked = (self._walked + step) % 2.0
        return snapshot["latent.position"] + self._walked


class Conditioning:
    """Prepares a source picture for the encoder: onto the device, to its size, conditioned."""

    def __init__(self, condition: Condition, size: tuple[int, int], device: str) -> None:
        self._condition = condition
        self._size = size
        self._device = device

    def __call__(self, footage: Picture, snapshot: Snapshot) -> torch.Tensor:
        """[1, 3, H, W] in -1 … 1, at the encoder's size."""
        picture = pictures.to_tensor(footage.pixels, self._device, torch.float32)
        fitted = pictures.fit(picture, self._size)
        return self._condition.apply(fitted, snapshot.under("condition"))


class Generator:
    """The network with the bends inside."""

    def __init__(self, network: Any, bends: Chain, size: tuple[int, int], device: str) -> None:
        self._network = network
        self._bends = bends
        self._size = size
        self._device = device

    def encode(self, condition: torch.Tensor) -> Any:
        """What the encoder makes of the condition; None where the network has no encoder."""
        if self._network.encoder is None:
            return None
        return self._network.encoder(condition)

    def __call__(self, w: torch.Tensor, code: Any, snapshot: Snapshot) -> torch.Tensor:
        """The picture [1, 3, H, W], nominally -1 … 1."""
        bends = self._bends.at(lambda name: snapshot.under(f"bends.{name}"), self._device)
        picture: torch.Tensor = self._network.synthesis(w, code, size=self._size, bends=bends)
        return picture


class Posting:
    """What happens to the picture after the network, in the order of the scene."""

    def __init__(self, posts: Sequence[tuple[str, Post]]) -> None:
        self._posts = posts

    def __call__(self, picture: torch.Tensor, snapshot: Snapshot) -> torch.Tensor:
        """[1, 3, H, W] to the same."""
        for name, post in self._posts:
            picture = post.apply(picture, snapshot.under(f"post.{name}"))
        return picture
