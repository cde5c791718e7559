"""The first station: w of one frame, as its knobs stand."""

from collections.abc import Mapping

import torch

from model.latent import mix_rows, seed_vector
from model.latent.base import Latent as LatentPart
from model.latent.directions import Directions
from model.latent.space import Space
from model.latent.walked import Walked
from model.options import Options
from performer.parameters import Snapshot
from performer.rests import Rests
from performer.w_mixing import Remainder, mixed


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
        self._part = _Steady("latent", part)
        self._style = None if style is None else _Steady("style", style)
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
        w = self._part.w(space, self.walked, knobs, snapshot.moment.frame)
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
        return self._style.w(own, self.style_walked, knobs, snapshot.moment.frame)


class _Steady:
    """A latent of the scene, which stays at the w that it gave last while it rests."""

    def __init__(self, role: str, part: LatentPart) -> None:
        self._part = part
        self._rests = Rests(role)
        self._last: torch.Tensor | None = None

    @property
    def period(self) -> float:
        """After how long a walk it is where it was."""
        return self._part.period

    def w(
        self, space: Space, walked: float, values: Mapping[str, float], frame: int
    ) -> torch.Tensor:
        """w [1, num_ws, w_dim] in this frame; the mean of all where it never gave one."""
        kind = self._part.settings.kind
        if not self._rests.of(kind, frame):
            try:
                self._last = self._part.w(space, walked, values)
            except Exception as error:
                self._rests.begin(kind, frame, error)
        return space.of_w(space.average[None]) if self._last is None else self._last
