"""The stations of the frame, each a small callable made once from the scene."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch

from model.bends.chain import Chain, Turn, Values
from model.bends.placed import Canvas
from model.latent import mix_rows, seed_vector
from model.latent.base import Latent as LatentPart
from model.latent.directions import Directions
from model.latent.space import Space
from model.latent.walked import Walked
from model.layers import centre_crop
from model.options import Options
from performer import pictures
from performer.clock import Moment
from performer.parameters import PANIC, Parameters, Snapshot
from performer.parts import Condition, Following, Picture, Post
from performer.regrouping import Regrouping
from performer.sizes import Size, Sizes
from performer.w_mixing import Remainder, mixed

if TYPE_CHECKING:
    from performer.painting import Painting


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

    def __init__(
        self,
        space: Space,
        options: Options,
        part: LatentPart,
        style: LatentPart | None,
        directions: Directions,
    ) -> None:
        self._space = space
        self._options = options
        self._part = part
        self._style = style
        self._directions = directions
        self._walked, self._style_walked = Walked(), Walked()
        self._remainder = Remainder()

    def __call__(self, snapshot: Snapshot) -> torch.Tensor:
        """w [1, num_ws, w_dim] of this frame; during a morph between seeds mixed in W."""
        self.walk(snapshot)
        blend = snapshot.blend
        if blend.begins:
            self._begin(snapshot)
        corners = [(share, self._w(snapshot.at(values))) for share, values in blend.corners]
        w = mixed(corners) if corners else self._w(snapshot)
        return self._remainder(w, blend)

    def _begin(self, snapshot: Snapshot) -> None:
        """A morph begins: walk where it wants to, and let what stood before stay in sight."""
        blend, walked = snapshot.blend, (self.walked, self.style_walked)
        walk = self._remainder.walk if blend.back else blend.walk
        if walk is not None:
            self.walked, self.style_walked = walk
        stood = self._w(snapshot.at(blend.stood))
        self._remainder.begin(stood, walked, leaps=walk is not None, back=blend.back)

    def _w(self, snapshot: Snapshot) -> torch.Tensor:
        knobs, c = snapshot.under("latent"), self._options.label(snapshot.under("model"))
        space = self._space.at(c, knobs["truncation"], int(knobs["cutoff"]))
        w = self._part.w(space, self.walked, knobs)
        first, end, share = knobs["style_from"], knobs["style_to"], knobs["style_mix"]
        if first < end and share > 0:
            w = mix_rows(w, self._style_w(space, snapshot), first, end, share)
        return self._directions(w, lambda name: snapshot.under(f"latent.directions.{name}"))

    def walk(self, snapshot: Snapshot) -> None:
        """Go on walking until this frame."""
        moment = snapshot.moment
        parts = (
            ("latent", self._part, self._walked),
            ("latent.style", self._style, self._style_walked),
        )
        for prefix, part, walked in parts:
            if part is not None:
                speed = snapshot.under(prefix).get("speed", 0.0)
                walked.go(speed, moment.seconds, moment.delta, part.period)

    def go_on_from(self, former: "Latent") -> None:
        """Walk on from where ``former`` is."""
        self.walked, self.style_walked = former.walked, former.style_walked
        self._remainder.walk = former._remainder.walk

    @property
    def walked(self) -> float:
        """How far the latent has walked."""
        return self._walked.way

    @walked.setter
    def walked(self, way: float) -> None:
        self._walked.way = way

    @property
    def style_walked(self) -> float:
        """How far its style has walked."""
        return self._style_walked.way

    @style_walked.setter
    def style_walked(self, way: float) -> None:
        self._style_walked.way = way

    def _style_w(self, space: Space, snapshot: Snapshot) -> torch.Tensor:
        if self._style is None:
            seed = int(snapshot["latent.style_seed"])
            return space.of_z(seed_vector(seed, space.config.z_dim))
        knobs = snapshot.under("latent.style")
        own = space.at(space.c, knobs["truncation"], int(knobs["cutoff"]))
        return self._style.w(own, self.style_walked, knobs)


class Conditioning:
    """Prepares a source picture for the encoder: onto the device, to its size, conditioned."""

    def __init__(self, condition: Condition, sizes: Sizes, device: str) -> None:
        self.part = condition
        self._sizes = sizes
        self._device = device

    def __call__(self, footage: Picture, snapshot: Snapshot) -> torch.Tensor | None:
        """[1, 3, H, W] in -1 … 1, at the encoder's size; None where there is no encoder."""
        size = self.size(snapshot)
        if size is None:
            return None
        pixels = pictures.crop(footage.pixels, size)  # first, since it is the smallest so
        picture = pictures.to_tensor(pixels, self._device, torch.float32)
        return self.conditioned(picture, size, snapshot)

    def size(self, snapshot: Snapshot) -> Size | None:
        """The encoder's size (height, width) in a frame; None where there is no encoder."""
        return self._sizes.condition(self._sizes.canvas(snapshot.under("model")))

    def conditioned(self, picture: torch.Tensor, size: Size, snapshot: Snapshot) -> torch.Tensor:
        """A picture of the source [1, 3, H, W], on the device, as the encoder sees it."""
        fitted = pictures.resized(picture, size)
        return _applied(self.part, fitted, snapshot, "condition")


def _applied(
    part: Condition | Post, picture: torch.Tensor, snapshot: Snapshot, name: str
) -> torch.Tensor:
    """``picture`` after a part whose amounts are ``name`` in the snapshot."""
    there, values = snapshot.there, snapshot.under(name)
    if there is None or not isinstance(part, Following):
        return part.apply(picture, values)
    return part.follow(picture, there[name], values)


class Seen(NamedTuple):
    """A condition [1, 3, H, W], and what the encoder made of it."""

    condition: torch.Tensor
    code: Any


class Measures(NamedTuple):
    """The size (height, width) of the canvas of one frame, and of the picture that is shown."""

    canvas: Size
    shown: Size


class Bending(NamedTuple):
    """The bends of one frame.

    Attributes:
        amounts: of all bends, by name.
        turns: of those that play.
        listens: whether clusters want to hear the frame, for which the host waits.
    """

    amounts: Mapping[str, Mapping[str, float]]
    turns: Sequence[Turn]
    listens: bool = False


class Generator:
    """The network as its knobs stand, with the bends inside."""

    def __init__(
        self, network: Any, options: Options, bends: Chain, sizes: Sizes, device: str
    ) -> None:
        self._network = network
        self._options = options
        self.bends = bends
        self.regrouping: Regrouping | None = None
        self.sizes = sizes
        self._device = device

    def encode(self, condition: torch.Tensor | None, snapshot: Snapshot) -> Seen | None:
        """What the encoder makes of the condition; None where the network has no encoder."""
        if condition is None:
            return None
        return Seen(condition, self._options.code(condition, snapshot.under("model")))

    def __call__(self, w: torch.Tensor, seen: Seen | None, snapshot: Snapshot) -> torch.Tensor:
        """The picture [1, 3, H, W], nominally -1 … 1."""
        return self.painted(w, seen, snapshot, self.bending(snapshot), self.measures(snapshot))

    def bending(self, snapshot: Snapshot) -> Bending:
        """What bends this frame; once a frame, since with it time goes on for them."""
        self.walk(snapshot)
        if snapshot[PANIC]:
            self.bends.forget()
        amounts = self.bends.amounts(_amounts(snapshot))
        listens = False
        if self.regrouping is not None:
            clusters = snapshot.under("clusters")
            self.regrouping.choose(clusters)
            listens = self.regrouping.is_due(clusters, snapshot.moment.seconds)
        return Bending(amounts, self.bends.turns(amounts), listens)

    def measures(self, snapshot: Snapshot) -> Measures:
        """How large this frame is."""
        knobs = snapshot.under("model")
        return Measures(self.sizes.canvas(knobs), self.sizes.shown(knobs))

    def painted(
        self,
        w: torch.Tensor,
        seen: Seen | None,
        snapshot: Snapshot,
        bending: Bending,
        measures: Measures,
    ) -> torch.Tensor:
        """The picture, bent so and so large; what bends remember is its only state."""
        knobs, there, size = snapshot.under("model"), snapshot.there, measures.canvas
        bends = self._layers(bending, snapshot, self._canvas(size, seen))
        if bending.listens and self.regrouping is not None:
            clusters = snapshot.under("clusters")
            bends = self.regrouping.listening(bends, clusters, snapshot.moment.seconds, size)
        options = self._options.synthesis(knobs, snapshot.moment.frame, there)
        code = None
        if seen is not None:
            w, code = self._options.mixed(w, seen.code, knobs, there)
        picture: torch.Tensor = self._network.synthesis(w, code, size=size, bends=bends, **options)
        return pictures.resized(picture, measures.shown)

    def walk(self, snapshot: Snapshot) -> None:
        """Let time go on for bends that move by themselves."""
        self.bends.walk(snapshot.moment.delta, _amounts(snapshot))

    def _layers(
        self, bending: Bending, snapshot: Snapshot, canvas: Canvas
    ) -> Mapping[str, Any] | None:
        """What bends each layer in this frame."""
        there = snapshot.there
        if there is None:
            rows = self.bends.rows(bending.amounts, self._device)
            return self.bends.layers(bending.turns, rows, canvas)
        rows = {name: there[f"bends.{name}"] for name in bending.amounts}
        begun = {name: there[f"begun.{name}"] for name in self.bends.remembering}
        return self.bends.layers(bending.turns, rows, canvas, begun)

    def _canvas(self, size: Size, seen: Seen | None) -> Canvas:
        """What bends are told of a canvas of ``size``."""
        shown, aspect = None, size[1] / size[0]
        if seen is not None:
            whole = seen.condition
            height, width = self.sizes.seen(size, (whole.shape[-2], whole.shape[-1]))
            shown = centre_crop(whole, (height, width))
        return Canvas(self.sizes.scale(size), aspect, shown)


def _amounts(snapshot: Snapshot) -> Values:
    return lambda name: snapshot.under(f"bends.{name}")


class Posting:
    """What happens to the picture after the network, in the order of the scene.

    Nothing while it is ``given_up`` for want of time.
    """

    def __init__(self, posts: Sequence[tuple[str, Post]]) -> None:
        self.given_up = False
        self.posts = dict(posts)

    def __call__(self, picture: torch.Tensor, snapshot: Snapshot) -> torch.Tensor:
        """[1, 3, H, W] to the same."""
        return self.posted(picture, snapshot, () if self.given_up else self.posts)

    def turns(self, snapshot: Snapshot) -> tuple[str, ...]:
        """The names of those that change anything in this frame."""
        if self.given_up:
            return ()
        return tuple(name for name in self.posts if not self._is_neutral(name, snapshot))

    def posted(
        self, picture: torch.Tensor, snapshot: Snapshot, turns: Iterable[str]
    ) -> torch.Tensor:
        """The picture after the posts of these names."""
        for name in turns:
            picture = _applied(self.posts[name], picture, snapshot, f"post.{name}")
        return picture

    def _is_neutral(self, name: str, snapshot: Snapshot) -> bool:
        neutral = getattr(self.posts[name], "neutral", None)
        return neutral is not None and neutral(snapshot.under(f"post.{name}"))


@dataclass(frozen=True, slots=True)
class Stations:
    """All that a scene gives the frame, to be put in place at once."""

    parameters: Parameters
    latent: Latent
    source: Footage
    condition: Conditioning
    generator: Generator
    post: Posting
    paint: "Painting"
