"""Presets: values of parameters under a name and a number, the scene's own and the performer's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from performer.doors.presets import MOST_PRESETS, WALKS, Rows
from performer.parameters import Table
from performer.preset_rows import Walk
from performer.scene import Scene


@dataclass(frozen=True, slots=True)
class Preset:
    """Values by the names of their parameters; ``number`` is its place in the grid, from 1.

    ``walk``: how far the latent had walked, and its style, where that is known. ``own``: the
    performer's, not the scene's.
    """

    name: str
    number: int
    values: Mapping[str, float]
    walk: Walk | None = None
    own: bool = False


def presets_of(scene: Scene, own: Iterable[Preset] = ()) -> dict[str, Preset]:
    """All presets by name, in the order of their numbers.

    Those of the scene have the numbers in which they are written, where no other has it; one of the
    performer's ``own`` takes the place of the scene's of the same name.
    """
    found = {preset.name: preset for preset in own}
    taken = {preset.number for preset in found.values()}
    for place, (name, values) in enumerate(scene.presets.items(), 1):
        number = place if place not in taken else free_number(taken, len(scene.presets))
        if name not in found and number is not None:
            found[name] = Preset(name, number, values)
            taken.add(number)
    return {preset.name: preset for preset in sorted(found.values(), key=lambda each: each.number)}


def free_number(taken: Iterable[int], after: int = 0) -> int | None:
    """The first number that nobody has, if possible after ``after``; None where all are taken."""
    free = sorted(set(range(1, MOST_PRESETS + 1)) - set(taken))
    return next((number for number in free if number > after), free[0] if free else None)


def rows_of(presets: Mapping[str, Preset], table: Table) -> Rows:
    """The presets for render: a row each, by number; what one says of other scenes is left out."""
    count = max((preset.number for preset in presets.values()), default=0)
    rows = np.full((count, len(table) + WALKS), np.nan)
    for preset in presets.values():
        row = rows[preset.number - 1]
        for name, value in preset.values.items():
            if (place := table.places.get(name)) is not None:
                row[place] = value
        if preset.walk is not None:
            row[-WALKS:] = preset.walk
    return rows
