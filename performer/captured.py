"""Frames as graphs: the device part of a frame, captured once and replayed with other numbers.

Everything from the condition to the bytes of the frame is one graph for each structure: the sizes,
the bends and posts that play, and whatever a part reads as a number. What moves (w, amounts, the
picture of the source) is copied to where the graphs find it, before each replay: one copy for all
numbers, and one for the picture. How a structure gets its graph, and what is shown until then, is
the affair of `cuda_ops.cuda.graphs`.
"""

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from cuda_ops.cuda.transfers import Sheet, Upload
from model.options import Options
from performer import pictures
from performer.followed import Followed
from performer.graphics_card import GraphicsCard, Painted
from performer.parameters import Snapshot
from performer.parts import Following, Picture
from performer.sizes import Size
from performer.stations import Bending, Conditioning, Generator, Measures, Posting

_MOST_UPLOADS = 3  # sizes of pictures: a source changes its own seldom
_TRIES = 3  # what parts read as numbers is known only when they did


class _Frame(NamedTuple):
    """The work of one frame."""

    painting: "Captured"
    structure: Hashable
    snapshot: Snapshot
    bending: Bending
    posts: tuple[str, ...]
    measures: Measures
    condition: Size | None
    pixels: torch.Tensor | None

    def __call__(self) -> Painted:
        return self.painting.painted(self)


class Captured:
    """Paints on a graphics card; see the module."""

    def __init__(
        self,
        condition: Conditioning,
        generator: Generator,
        post: Posting,
        options: Options,
        card: GraphicsCard,
    ) -> None:
        self._condition = condition
        self._generator = generator
        self._post = post
        self._options = options
        self._card = card
        self._sheet: Sheet | None = None
        self._uploads: dict[tuple[int, ...], tuple[Upload, int]] = {}
        self._read: set[str] = set()  # which values parts have read as numbers
        self.graphs = card.graphs()
        self.footage: Picture | None = None  # of the last frame
        generator.bends.stay_on(card.device)

    def __call__(self, w: torch.Tensor, footage: Picture, snapshot: Snapshot) -> torch.Tensor:
        """The picture [1, 3, H, W] on the card; until the next frame, where a graph painted it."""
        self.footage = footage
        wanted = self._frame(footage, snapshot)
        listens = wanted.bending.listens
        playing: Any = wanted if listens else self.graphs.choose(wanted)
        begun = self._generator.bends.remember(playing.bending.turns, playing.measures.canvas)
        self._write(w, snapshot, wanted.bending.amounts, begun)
        self._show(footage, playing)
        return self._card.keep(playing() if listens else self.graphs.play(playing))

    def prepare(
        self, w: torch.Tensor, footage: Picture, snapshot: Snapshot, seconds: float | None = None
    ) -> None:
        """Have the graph for frames like this one made, and wait for it."""
        # Listening is no part of a graph: the host waits for it, and no frame has begun.
        bending = self._generator.bending(snapshot)._replace(listens=False)
        for _ in range(_TRIES):
            frame = self._frame(footage, snapshot, bending)
            self._write(w, snapshot, bending.amounts, {})
            self._show(footage, frame)
            if self.graphs.state(frame.structure) in ("captured", "failed"):
                return
            if not self.graphs.prepare(frame, seconds):
                return

    def forget(self) -> None:
        """Let go of all graphs and their memory."""
        self.graphs.forget()

    @torch.inference_mode()
    def painted(self, frame: _Frame) -> Painted:
        """What a frame's work is: from the picture of the source to the bytes of the frame."""
        assert self._sheet is not None
        snapshot = Followed(frame.snapshot, self._sheet.there, self._read)
        condition = None
        if frame.pixels is not None and frame.condition is not None:
            picture = pictures.planes(frame.pixels, torch.float32)
            condition = self._condition.conditioned(picture, frame.condition, snapshot)
        seen = self._generator.encode(condition, snapshot)
        w, bending = snapshot.there["w"], frame.bending
        picture = self._generator.painted(w, seen, snapshot, bending, frame.measures)
        return self._card.painted(self._post.posted(picture, snapshot, frame.posts))

    def _frame(
        self, footage: Picture, snapshot: Snapshot, bending: Bending | None = None
    ) -> _Frame:
        """The work for this frame, and its structure."""
        bending = bending or self._generator.bending(snapshot)
        posts, measures = self._post.turns(snapshot), self._generator.measures(snapshot)
        condition = self._condition.size(snapshot)
        pixels = None
        if condition is not None:
            shape = pictures.crop(footage.pixels, condition).shape
            pixels = self._upload(shape)[0].there
        structure = (
            measures,
            condition,
            None if pixels is None else pixels.data_ptr(),
            tuple(turn.structure for turn in bending.turns),
            posts,
            tuple((name, snapshot[name]) for name in sorted(self._read.copy())),
        )
        return _Frame(self, structure, snapshot, bending, posts, measures, condition, pixels)

    def _write(
        self,
        w: torch.Tensor,
        snapshot: Snapshot,
        amounts: Mapping[str, Mapping[str, float]],
        begun: Mapping[str, float],
    ) -> None:
        """All numbers of this frame to where the work that plays finds them."""
        remembering = self._generator.bends.remembering
        numbers: dict[str, npt.ArrayLike] = {
            "w": w.numpy(),
            **self._options.moving(snapshot.under("model")),
            **self._knobs("condition", self._condition.part, snapshot),
            **{f"bends.{name}": [*each.values()] for name, each in amounts.items()},
            **{f"begun.{name}": begun.get(name, 0.0) for name in remembering},
        }
        for name, post in self._post.posts.items():
            numbers |= self._knobs(f"post.{name}", post, snapshot)
        if self._sheet is None:
            self._sheet = self._card.sheet({name: np.shape(each) for name, each in numbers.items()})
        self._sheet(numbers)

    @staticmethod
    def _knobs(name: str, part: Any, snapshot: Snapshot) -> dict[str, npt.ArrayLike]:
        if not isinstance(part, Following):
            return {}
        values = snapshot.under(name)
        return {name: [values[knob] for knob in part.Settings.knobs()]}

    def _show(self, footage: Picture, playing: _Frame) -> None:
        """The picture of the source to where the work that plays finds it.

        One of another size is not for it: while a graph for that size is made, it sees the last.
        """
        if playing.condition is None or playing.pixels is None:
            return
        pixels = pictures.crop(footage.pixels, playing.condition)
        upload, number = self._uploads.get(pixels.shape, (None, 0))
        if upload is not None and upload.there is playing.pixels and number != footage.number:
            upload(pixels)
            self._uploads[pixels.shape] = upload, footage.number

    def _upload(self, shape: tuple[int, ...]) -> tuple[Upload, int]:
        found = self._uploads.pop(shape, None) or (self._card.upload(shape), -1)
        for former in [*self._uploads][: len(self._uploads) + 1 - _MOST_UPLOADS]:
            del self._uploads[former]
        self._uploads[shape] = found
        return found
