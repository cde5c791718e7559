"""Morphs between presets, by a fader or on a pad: every value in the space where it makes sense.

A recall is the fader going by itself, from what stood before to the preset: so a hand may take it
on the way, and bring it back. Values move only while one of the controls does, and a hand that
moves a value takes it out of the morph until the next begins. What must not be stepped through
switches in the middle; where that is a seed, the latent mixes the w of both ends instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from performer.doors.presets import WALKS, Rows
from performer.preset_rows import End, PresetRows, Walk
from performer.spaces import Spaces, Values

if TYPE_CHECKING:
    from performer.parameters import Table

PREFIX = "morph"
BACK, SCENE = 1, 2  # what `revert` goes back to: before the last morph, or as the scene is written
STATE_ROWS = 3  # what stood before, what is gone back to, and what takes part
_NOT_MORPHED = ("panic", "blackout", "freeze")
_NEITHER = (PREFIX, "macros")  # macros follow what they move
_LEAST_FADE_SECONDS = 0.25


def takes_part(name: str) -> bool:
    """Whether the parameter of this name can be part of a preset."""
    return name not in _NOT_MORPHED and name.partition(".")[0] not in _NEITHER


@dataclass(frozen=True, slots=True)
class Blend:
    """What a morph asks of the stations in one frame.

    Attributes:
        corners: shares, and values whose w are to be mixed by them; none where one w will do.
        before: the shares of what stood before the morph, and of what is gone back to.
        begins: with this frame; ``back`` where the former one is gone back on.
        stood: the values that stood when it began.
        walk: where the latent goes on walking, for a preset that knows.
        cross_fade_seconds: over the picture before, since something switched; 0 where nothing did.
    """

    corners: tuple[tuple[float, Values], ...] = ()
    before: tuple[float, float] = (0.0, 0.0)
    begins: bool = False
    back: bool = False
    stood: Values = field(default_factory=lambda: np.zeros(0))
    walk: Walk | None = None
    cross_fade_seconds: float = 0.0


NOTHING = Blend()


class Motion(NamedTuple):
    """Where every value stands, where it goes, and in how many seconds: [n] each, to be changed."""

    current: Values
    target: Values
    remaining: Values


class Morph:
    """Moves the values of ``table`` as its own parameters, those under ``morph.``, say."""

    def __init__(self, table: "Table", spaces: Spaces, motion: Motion) -> None:
        self.columns = 4
        self.fade_seconds = 1.0
        self._places = table.under(PREFIX)
        self._shorts = {place: short for short, place in self._places.items()}
        self._controls = [self._places[short] for short in ("a", "b", "position", "x", "y")]
        self._motion = motion
        knobs = [parameter.knob for parameter in table.parameters]
        self._starts = np.array([parameter.default for parameter in table.parameters])
        self._morphed = np.array([takes_part(name) for name in table.places], bool)
        self._leaps = np.array([knob.leaps for knob in knobs], bool)
        self._seeds = self._leaps & [name.startswith("latent.") for name in table.places]
        self._presets = PresetRows(spaces, self._leaps)
        self.state = np.stack([motion.current, motion.current, self._morphed.astype(np.float64)])
        self._here, self._there, self._taking = self.state
        self._last = np.full(len(self._controls), np.nan)
        self._stale = True
        self._mixed: tuple[tuple[float, Values], ...] = ()
        self._said = np.zeros(len(table), bool)
        self._before = (0.0, 0.0)
        self._begins = NOTHING
        self.written = np.zeros(len(table), bool)  # by the last frame

    def put(self, rows: Rows) -> None:
        """Know these presets: [presets, values + `WALKS`], NaN where one says nothing."""
        self._presets.put(rows, self._morphed)
        self._stale = True

    def hear(self, place: int, seconds: float | None) -> None:
        """A hand has sent the value at ``place`` to its target, in ``seconds`` if it said so."""
        short = self._shorts.get(place)
        if short is None:
            self._taking[place] = 0.0
        elif short == "recall":
            self._recall(int(self._motion.target[place]), self._seconds(seconds))
        elif short == "revert":
            self._revert(int(self._motion.target[place]), self._seconds(seconds))
        elif short in ("a", "b") or (short == "position" and not self._fader_leads):
            self._begin("a")
        elif short in ("x", "y"):
            self._on_pad(place)

    def release(self) -> None:
        """Let what only triggers fall back by itself."""
        for short in ("recall", "revert"):
            self._set(short, 0.0)

    def play(self) -> Blend:
        """Move what the controls ask for; what the stations have to do beside."""
        controls = self._motion.current[self._controls]
        moved = not np.array_equal(controls, self._last)
        self._last, cross_fade = controls, 0.0
        self.written[:] = False
        if moved or self._stale:
            whole = self._whole()
            if whole is not None and moved:
                cross_fade = self._write(whole.values)
            self._stale, self._mixed = False, self._to_mix(whole)
        begins, self._begins = self._begins, NOTHING
        corners = tuple((share, self._corner(row)) for share, row in self._mixed)
        if not (corners or begins.begins or cross_fade or any(self._before)):
            return NOTHING
        before = self._before
        return replace(begins, corners=corners, before=before, cross_fade_seconds=cross_fade)

    def go_on(self, state: Values) -> None:
        """Stand where another stood: its ``state``, with the controls where they are by now."""
        self.state[:] = state
        self._last, self._stale = self._motion.current[self._controls], True

    def take_over(self, former: "Morph", moved: Mapping[int, int]) -> None:
        """Go on as ``former`` did in another table; ``moved`` leads from its places to ours."""
        ours, theirs = list(moved.values()), list(moved)
        self.state[:, ours] = former.state[:, theirs]
        before = former._presets.rows
        rows = np.full((len(before), self.state.shape[1] + WALKS), np.nan)
        rows[:, ours], rows[:, -WALKS:] = before[:, theirs], before[:, -WALKS:]
        self.put(rows)
        self.go_on(self.state)

    @property
    def _fader_leads(self) -> bool:
        return bool(self._taking[self._places["a"]])

    @property
    def _pad_leads(self) -> bool:
        return bool(self._taking[self._places["x"]])

    def _value(self, short: str) -> float:
        return float(self._motion.current[self._places[short]])

    def _set(self, short: str, value: float, seconds: float = 0.0) -> None:
        place = self._places[short]
        self._motion.target[place], self._motion.remaining[place] = value, seconds
        if seconds <= 0:
            self._motion.current[place] = value

    def _seconds(self, own: float | None) -> float:
        return self._value("seconds") if own is None else own

    def _begin(self, leader: str, there: Values | None = None) -> None:
        """A morph begins, led by the fader (``a``) or the pad (``x``), from where all stands."""
        self._here[:] = self._motion.current
        self._there[:] = self._here if there is None else there
        self._taking[:] = self._morphed
        self._taking[self._places[leader]] = 1.0
        self._last[:] = np.nan
        self._begins = Blend(begins=True, stood=self._here.copy())

    def _go(self, number: int, seconds: float) -> None:
        """Let the fader go by itself, from what stood before."""
        self._set("a", 0)
        self._set("b", number)
        self._set("position", 0.0)
        self._set("position", 1.0, seconds)

    def _recall(self, number: int, seconds: float) -> None:
        if self._presets.row(number) is None:
            return
        self._begin("a")
        self._go(number, seconds)
        self._begins = replace(self._begins, walk=self._presets.walk(number))

    def _revert(self, to: int, seconds: float) -> None:
        if to == SCENE:
            self._begin("a", self._starts)
        elif to == BACK and (self._fader_leads or self._pad_leads):
            self._begin("a", self._here.copy())
            self._begins = replace(self._begins, back=True)
        else:
            return
        self._go(0, seconds)

    def _on_pad(self, place: int) -> None:
        if not self._pad_leads:
            self._begin("x")
        if self._begins.begins:  # from where the finger is, not from where another was
            self._motion.current[place] = self._motion.target[place]
            self._motion.remaining[place] = 0.0

    def _end(self, number: int, otherwise: Values | None) -> End | None:
        """A preset, and what it does not say as it stood before."""
        row = self._presets.row(number)
        if row is None:
            return None if otherwise is None else End.of(otherwise)
        self._said |= ~np.isnan(row)
        return End.of(np.where(np.isnan(row), self._here, row))

    def _whole(self) -> End | None:
        """What the controls ask for, all of it; what of it was said is noted beside."""
        self._said[:] = False
        if self._pad_leads:
            self._before = (0.0, 0.0)
            return self._under_finger()
        a, b, share = int(self._value("a")), int(self._value("b")), self._value("position")
        before = (1 - share) * (a == 0), share * (b == 0)
        self._before = before if self._fader_leads else (0.0, 0.0)
        whole = self._presets.pair(self._end(a, self._here), self._end(b, self._there), share)
        if a == b == 0:
            self._said[:] = (self._here != self._there) & self._morphed
        return whole

    def _under_finger(self) -> End | None:
        """What the pad asks for: of the four presets around the finger as much as it is near."""
        presets = self._presets
        if not len(presets.rows):
            return None
        x, y = self._value("x"), self._value("y")
        lines, right, down = presets.around(x, y, self.columns)
        upper, lower = (
            presets.pair(self._end(one, None), self._end(other, None), right)
            for one, other in lines
        )
        return presets.pair(upper, lower, down)

    def _write(self, values: Values) -> float:
        """Stand at ``values``; how long to fade over from what was there (0: not at all)."""
        current, target, remaining = self._motion
        mask = self._said & (self._taking > 0)
        switched = mask & self._leaps & ~self._seeds & (current != values)
        current[mask] = target[mask] = values[mask]
        remaining[mask] = 0.0
        self.written |= mask
        share, way = self._value("position"), remaining[self._places["position"]]
        if not switched.any() or (share in (0, 1) and not self._pad_leads):
            return 0.0
        return max(_LEAST_FADE_SECONDS, min(self.fade_seconds, float(way)))

    def _to_mix(self, whole: End | None) -> tuple[tuple[float, Values], ...]:
        """The parts whose w differ; none where there are not two of them."""
        if whole is None:
            return ()
        mask = self._said & self._seeds
        first = whole.parts[0][1]
        same = all(np.array_equal(row[mask], first[mask]) for _, row in whole.parts)
        return () if same else whole.parts

    def _corner(self, row: Values) -> Values:
        """What is played, but with the seeds of ``row``."""
        mask = self._said & self._seeds & (self._taking > 0)
        return np.where(mask, row, self._motion.current)
