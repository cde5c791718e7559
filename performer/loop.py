"""The frame, in order, on one screen."""

from typing import Protocol

import torch

from performer.clock import LiveClock, Moment, OfflineClock
from performer.doors.changes import Change
from performer.parameters import Parameters
from performer.parts import Picture
from performer.stages import Conditioning, Footage, Generator, Latent, Posting


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
        parameters: Parameters,
        latent: Latent,
        source: Footage,
        condition: Conditioning,
        generator: Generator,
        post: Posting,
        frames: FramesOut,
    ) -> None:
        self.clock = clock
        self.changes = changes
        self.parameters = parameters
        self.latent = latent
        self.source = source
        self.condition = condition
        self.generator = generator
        self.post = post
        self.frames = frames

    @torch.inference_mode()
    def frame(self) -> None:
        """From the time it is to a finished picture at the door."""
        moment = self.clock.tick()
        snapshot = self.parameters.advance(moment, self.changes.drain())
        w = self.latent(snapshot)
        footage = self.source.at(moment, snapshot.under("source"))
        code = self.generator.encode(self.condition(footage, snapshot), snapshot)
        picture = self.generator(w, code, snapshot)
        self.frames.publish(self.post(picture, snapshot), moment, footage)

    @torch.inference_mode()
    def pass_over(self) -> None:
        """A frame that nobody will see: time, parameters and the walk go on, nothing is painted."""
        snapshot = self.parameters.advance(self.clock.tick(), self.changes.drain())
        self.latent.walk(snapshot)
