"""The frame, in order, on one screen."""

from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

import torch

from performer.clock import LiveClock, Moment, OfflineClock
from performer.doors.changes import Change
from performer.master import Master
from performer.parts import Picture
from performer.scene import BLACKOUT, FREEZE
from performer.stations import Stations

_OF_THE_HALL: Collection[str] = (BLACKOUT, FREEZE)  # what another scene does not start anew


class ChangesDrain(Protocol):
    """Whatever changes come from: the door, or a list in a test."""

    def drain(self) -> list[Change]: ...


class FramesOut(Protocol):
    """Wherever frames go: the door, or a file."""

    def publish(self, picture: torch.Tensor, moment: Moment, source: Picture) -> None: ...


class Loop:
    """Plays one scene; the same code live and offline, only the clock and the doors differ."""

    def __init__(
        self,
        clock: LiveClock | OfflineClock,
        changes: ChangesDrain,
        stations: Stations,
        frames: FramesOut,
    ) -> None:
        self.clock = clock
        self.changes = changes
        self.frames = frames
        self.master = Master()
        self._place(stations)

    @torch.inference_mode()
    def frame(self) -> None:
        """From the time it is to a finished picture at the door."""
        moment = self.clock.tick()
        snapshot = self.parameters.advance(moment, self.changes.drain())
        self.master.give_way(snapshot.blend.cross_fade_seconds)
        w = self.latent(snapshot)
        footage = self.source.at(moment, snapshot.under("source"))
        picture = self.paint(w, footage, snapshot)  # condition, encoder, generator (+bends), post
        self.frames.publish(self.master(picture, snapshot), moment, footage)

    @torch.inference_mode()
    def prepare(self, seconds: float) -> None:
        """Let what paints get ready for the first frame, for so long at most."""
        moment = replace(self.clock.latest, delta=0.0)
        snapshot = self.parameters.advance(moment, [])
        footage = self.source.at(moment, snapshot.under("source"))
        self.paint.prepare(self.latent(snapshot), footage, snapshot, seconds)

    @torch.inference_mode()
    def pass_over(self) -> None:
        """A frame that nobody will see: time, parameters and the walk go on, nothing is painted."""
        snapshot = self.parameters.advance(self.clock.tick(), self.changes.drain())
        self.latent.walk(snapshot)
        self.generator.walk(snapshot)

    @torch.inference_mode()
    def take_up(self, stations: Stations, fade_seconds: float, *, anew: bool) -> None:
        """Play other stations from the next frame on, fading in over what is shown now.

        They go on from where we are; another scene, ``anew``, starts from its own beginning.
        """
        stations.parameters.take_over(self.parameters, _OF_THE_HALL if anew else None)
        stations.generator.bends.forget()  # what it was first painted with
        if not anew:
            stations.latent.go_on_from(self.latent)
            stations.generator.bends.go_on_from(self.generator.bends)
        self.master.give_way(fade_seconds)
        self._place(stations)

    def _place(self, stations: Stations) -> None:
        self.parameters = stations.parameters
        self.latent = stations.latent
        self.source = stations.source
        self.condition = stations.condition
        self.paint = stations.paint
        self.generator = stations.generator
        self.post = stations.post
