"""Gives up on the loop what the governor says, and what memory makes necessary; and says so."""

import time
from typing import TYPE_CHECKING

from performer.console import warn
from performer.errors import is_out_of_memory
from performer.governor import BENDS, CANVAS, POST, PREVIEW, THUMBNAILS, Governor, MemoryGuard

if TYPE_CHECKING:
    from performer.loop import Loop
    from performer.scene import Scene
    from performer.sizes import Size, Sizes


class Thrift:
    """What ``loop`` saves while the machine is too slow, or too small, for ``scene``.

    The extras of bends are the finer waves of their noise, and smooth reading between pixels.
    Thumbnails are those of clusters that the scene can make anew.
    """

    def __init__(self, scene: "Scene", loop: "Loop") -> None:
        wishes = scene.governor
        previews = any(settings.kind == "page" for settings in scene.outputs.values())
        offers = {PREVIEW: previews, POST: bool(scene.post), BENDS: bool(scene.bends)}
        offers |= {THUMBNAILS: scene.clusters is not None, CANVAS: True}
        there = [what for what, offered in offers.items() if offered]
        self._governor = Governor(scene.clock.rate, wishes.share, wishes.floor, there)
        self._memory = MemoryGuard()
        self._active = wishes.active
        self._loop = loop
        self._last = 0.0
        self._apply()

    @property
    def given_up(self) -> list[str]:
        """What is given up, for the board; the feed reads it there."""
        return [*self._governor.given_up, *[CANVAS] * self._memory.halvings]

    @property
    def line(self) -> str:
        """What is given up and why; empty while nothing is."""
        return self._memory.line or self._governor.line

    def count(self, *, settled: bool = True) -> None:
        """A frame was painted; while the machine is not ``settled`` its slowness says nothing."""
        now = time.monotonic()
        interval, self._last = now - self._last, now
        changed = self._memory.note(now)
        if self._active and settled:
            changed |= self._governor.note(interval, now)
        if changed:
            self._tell()

    def ran_out(self, error: Exception, painted: "Size") -> bool:
        """Whether ``error`` means that memory ran out, and the next frame will ask for less.

        ``painted`` is the canvas of the last frame.
        """
        if not is_out_of_memory(error):
            return False
        held = self._sizes.retreat(self._loop.parameters.under("model"), painted)
        if not self._memory.ran_out(time.monotonic(), held=held):
            return False
        self._tell()
        return True

    @property
    def _sizes(self) -> "Sizes":
        return self._loop.generator.sizes

    def _tell(self) -> None:
        self._apply()
        warn(self.line or "render: all is back that was given up")

    def _apply(self) -> None:
        given_up = self.given_up
        self._loop.post.given_up = POST in given_up
        self._loop.generator.bends.is_sparing = BENDS in given_up
        self._sizes.share = 0.5 ** given_up.count(CANVAS)
        if not self._memory.held:
            self._sizes.advance()
