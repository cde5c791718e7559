"""The stations of the frame, each a small callable made once from the scene."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from model.bends.chain import Chain, Values
from model.bends.placed import Canvas
from model.latent import SeedPath, mix_rows, there_and_back
from model.layers import centre_crop
from model.options import Options
from performer import pictures
from performer.clock import Moment
from performer.parameters import PANIC, Parameters, Snapshot
from performer.parts import Condition, Picture, Post
from performer.sizes import Size, Sizes


class Footage(Protocol):
    """A source, offline; or the capture thread in front of it, live."""

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture: ...


class NoFootage:
    """For networks without an encoder: no source is opened, and every picture is one pixel."""

    _PICTURE = Picture(np.zeros((1, 1, 3), np.uint8), 0)

    def at(self, moment: Moment, values: Mapping[str, float]) -> Picture:
        """The same at every moment."""
        return self._PICTURE


class Latent:
    """Where in the latent space this frame is."""

    def __init__(self, path: SeedPath, options: Options) -> None:
        self._path = path
        self._options = options
        self.walked = 0.0

    def __call__(self, snapshot: Snapshot) -> torch.Tensor:
        """w [1, num_ws, w_dim] of this frame."""
        knobs = snapshot.under("latent")
        way = there_and_back(self.walk(snapshot))
        cutoff = int(knobs["cutoff"])
        mapping = {
            "c": self._options.label(snapshot.under("model")),
            "psi": knobs["truncation"],
            "cutoff": None if cutoff < 0 else cutoff,
        }
        w = self._path.w(way, **mapping)
        first, end, share = int(knobs["style_from"]), int(knobs["style_to"]), knobs["style_mix"]
        if first >= end or share == 0:
            return w
        style = self._path.seed_w(int(knobs["style_seed"]), **mapping)
        return mix_rows(w, style, first, end, share)

    def walk(self, snapshot: Snapshot) -> float:
        """Go on walking; how far along the path this frame is."""
        step = snapshot["latent.speed"] * snapshot.moment.delta / self._path.legs
        self.walked = (self.walked + step) % 2.0
        return snapshot["latent.position"] + self.walked

    def go_on_from(self, former: "Latent") -> None:
        """Walk on from where ``former`` is."""
        self.walked = former.walked


class Conditioning:
    """Prepares a source picture for the encoder: onto the device, to its size, conditioned."""

    def __init__(self, condition: Condition, sizes: Sizes, device: str) -> None:
        self._condition = condition
        self._sizes = sizes
        self._device = device

    def __call__(self, footage: Picture, snapshot: Snapshot) -> torch.Tensor | None:
        """[1, 3, H, W] in -1 … 1, at the encoder's size; None where there is no encoder."""
        size = self._sizes.condition(self._sizes.canvas(snapshot.under("model")))
        if size is None:
            return None
        pixels = pictures.crop(footage.pixels, size)  # first, since it is the smallest so
        picture = pictures.to_tensor(pixels, self._device, torch.float32)
        fitted = pictures.resized(picture, size)
        return self._condition.apply(fitted, snapshot.under("condition"))


class Generator:
    """The network as its knobs stand, with the bends inside."""

    def __init__(
        self, network: Any, options: Options, bends: Chain, sizes: Sizes, device: str
    ) -> None:
        self._network = network
        self._options = options
        self.bends = bends
        self.sizes = sizes
        self._device = device
        self._condition: torch.Tensor | None = None

    def encode(self, condition: torch.Tensor | None, snapshot: Snapshot) -> Any:
        """What the encoder makes of the condition; None where the network has no encoder."""
        self._condition = condition
        if condition is None:
            return None
        return self._options.code(condition, snapshot.under("model"))

    def __call__(self, w: torch.Tensor, code: Any, snapshot: Snapshot) -> torch.Tensor:
        """The picture [1, 3, H, W], nominally -1 … 1."""
        knobs = snapshot.under("model")
        size = self.sizes.canvas(knobs)
        self.walk(snapshot)
        if snapshot[PANIC]:
            self.bends.forget()
        bends = self.bends.at(_amounts(snapshot), self._device, self._canvas(size))
        options = self._options.synthesis(knobs, snapshot.moment.frame)
        picture: torch.Tensor = self._network.synthesis(w, code, size=size, bends=bends, **options)
        return pictures.resized(picture, self.sizes.shown(knobs))

    def walk(self, snapshot: Snapshot) -> None:
        """Let time go on for bends that move by themselves."""
        self.bends.walk(snapshot.moment.delta, _amounts(snapshot))

    def _canvas(self, size: Size) -> Canvas:
        """What bends are told of a canvas of ``size``."""
        seen, aspect = self._condition, size[1] / size[0]
        if seen is not None:
            height, width = self.sizes.seen(size, (seen.shape[-2], seen.shape[-1]))
            seen = centre_crop(seen, (height, width))
        return Canvas(self.sizes.scale(size), aspect, seen)


def _amounts(snapshot: Snapshot) -> Values:
    return lambda name: snapshot.under(f"bends.{name}")


class Posting:
    """What happens to the picture after the network, in the order of the scene.

    Nothing while it is ``given_up`` for want of time.
    """

    def __init__(self, posts: Sequence[tuple[str, Post]]) -> None:
        self.given_up = False
        self._posts = posts

    def __call__(self, picture: torch.Tensor, snapshot: Snapshot) -> torch.Tensor:
        """[1, 3, H, W] to the same."""
        if self.given_up:
            return picture
        for name, post in self._posts:
            picture = post.apply(picture, snapshot.under(f"post.{name}"))
        return picture


@dataclass(frozen=True, slots=True)
class Stations:
    """All that a scene gives the frame, to be put in place at once."""

    parameters: Parameters
    latent: Latent
    source: Footage
    condition: Conditioning
    generator: Generator
    post: Posting
