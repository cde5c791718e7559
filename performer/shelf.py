"""The shelf: the presets of the scene that plays, as the control process keeps and hands them out.

Render sees them through their door, the disk through a thread of its own: nobody waits for either.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from performer import preset_file
from performer.console import warn
from performer.doors.changes import Change
from performer.doors.folder import RunFolder
from performer.doors.journal import JournalDoor
from performer.doors.presets import MOST_PRESETS, PresetsDoor
from performer.errors import PerformerError
from performer.morph import BACK, PREFIX, SCENE, takes_part
from performer.preset_disk import Loaded, PresetDisk
from performer.preset_rows import Walk
from performer.presets import Preset, free_number, presets_of, rows_of
from performer.sayings import closest
from performer.scene import Scene, preset_name
from performer.web.instrument import Instrument

_MOST_NAMED = 3  # of what a line lists


class Shelf:
    """Saves, finds and renames presets; what recalls or blends them are changes, for render.

    One thread calls the methods. ``version`` grows with all that the page shows of them. Errors of
    all of them: PerformerError, with the line to say.
    """

    def __init__(self, folder: RunFolder, instrument: Instrument) -> None:
        self.version = 0
        self._instrument = instrument
        self._door = PresetsDoor(folder.presets)
        self._journal = JournalDoor(folder.journal)
        self._disk = PresetDisk()
        self._unknown = ""
        self._loaded = self.load(instrument.scene).result()
        self.take_up(self._loaded)

    @property
    def problems(self) -> list[str]:
        """What is wrong with the file of the presets, or with what it names."""
        lines = (self._loaded.unreadable, self._disk.unwritten, self._unknown)
        return [line for line in lines if line]

    @property
    def wants_preview(self) -> bool:
        """Whether a preview is wanted, though nobody may look."""
        return self._loaded.thumbnails.wants_preview

    def load(self, scene: Scene) -> "Future[Loaded]":
        """Read what the disk has of ``scene``, after all that is still to be written."""
        return self._disk.load(preset_file.file_of(Path(scene.origin)))

    def take_up(self, loaded: Loaded) -> None:
        """Go on with the scene that the instrument has taken up, whose presets are ``loaded``."""
        if loaded.file != self._loaded.file or loaded.saves == self._disk.saves:
            self._loaded = loaded  # else ours are newer: one was saved since then
        scene, table = self._instrument.scene, self._instrument.table
        self._presets = presets_of(scene, self._loaded.own.values())
        names = {name for each in self._presets.values() for name in each.values}
        unknown = sorted(name for name in names if name not in table.places)
        self._unknown = _unknown_line(scene.name, unknown)
        for line in (self._loaded.unreadable, self._unknown):
            if line:
                warn(line)
        self._show()

    def look(self) -> None:
        """Take the picture of what was saved, once there is one; called some times a second.

        And try again what the disk did not take.
        """
        self._disk.look()
        if self._loaded.thumbnails.look(*self._instrument.preview()):
            self.version += 1

    def listing(self) -> dict[str, Any]:
        """The presets as the page shows them, by number."""
        return {
            "type": "presets",
            "columns": self._instrument.scene.morph.columns,
            "presets": [
                {
                    "name": each.name,
                    "number": each.number,
                    "own": each.own,
                    "picture": self._loaded.thumbnails.address(each.number) if each.own else None,
                }
                for each in self._presets.values()
            ],
        }

    def picture(self, number: int) -> bytes | None:
        """The JPEG of a preset; None where there is none."""
        return self._loaded.thumbnails.jpeg(number)

    def save(self, name: str, number: int | None = None) -> None:
        """Keep where everything stands now, in place of a preset of the same name."""
        _check_name(name)
        self._need_file()
        former = self._presets.get(name)
        number = self._place(name, number, former)
        table = self._instrument.table
        stale = {} if former is None else former.values
        kept = {each: value for each, value in stale.items() if each not in table.places}
        values = kept | self._standing()
        self._loaded.own[name] = Preset(name, number, values, self._walk(), own=True)
        self._keep()
        self._loaded.thumbnails.want(number)

    def delete(self, name: str | int) -> None:
        """Forget a preset; where the scene has one of this name, that is there again."""
        preset = self._find_own(name)
        del self._loaded.own[preset.name]
        self._loaded.thumbnails.forget(preset.number)
        self._keep()

    def rename(self, name: str | int, to: str) -> None:
        """Call a preset otherwise; it keeps its number."""
        preset = self._find_own(name)
        _check_name(to)
        if to in self._presets:
            raise PerformerError(f"there is a preset {to} already; delete it first")
        del self._loaded.own[preset.name]
        self._loaded.own[to] = replace(preset, name=to)
        self._keep()

    def recall(self, name: str | int, seconds: float | None = None) -> list[Change]:
        """The changes that recall a preset, at once or within so many seconds."""
        return [self._change("recall", self._find(name).number, seconds)]

    def morph(self, a: str | int, b: str | int, position: float | None = None) -> list[Change]:
        """The changes that lay two presets at the ends of the fader; 0: what stood before."""
        changes = [self._change("a", self._number(a)), self._change("b", self._number(b))]
        return changes if position is None else [*changes, self._change("position", position, 0.0)]

    def revert(self, *, to_scene: bool = False, seconds: float | None = None) -> list[Change]:
        """The changes that go back: before the last recall or morph, or as the scene is written."""
        return [self._change("revert", SCENE if to_scene else BACK, seconds)]

    def close(self) -> None:
        """Let go of the doors, once all is on the disk."""
        self._disk.close()
        self._door.close()
        self._journal.close()

    def _need_file(self) -> None:
        """Whoever mended the file of the presets may save again."""
        if self._loaded.unreadable:
            self.take_up(self.load(self._instrument.scene).result())
        if self._loaded.unreadable:
            raise PerformerError(self._loaded.unreadable)

    def _keep(self) -> None:
        self._presets = presets_of(self._instrument.scene, self._loaded.own.values())
        self._show()
        self._disk.save(self._loaded.file, tuple(self._loaded.own.values()))

    def _show(self) -> None:
        table = self._instrument.table
        self._door.write(rows_of(self._presets, table), self._instrument.scene.generation)
        self.version += 1

    def _standing(self) -> dict[str, float]:
        pairs = zip(self._instrument.table.parameters, self._instrument.values(), strict=True)
        return {
            parameter.name: round(value) if parameter.knob.step else float(f"{value:.9g}")
            for parameter, value in pairs
            if takes_part(parameter.name)
        }

    def _walk(self) -> Walk | None:
        entry = self._journal.read()
        if entry is None or entry.generation != self._instrument.scene.generation:
            return None
        return entry.walked, entry.style_walked

    def _place(self, name: str, number: int | None, former: Preset | None) -> int:
        taken = {each.number: each.name for each in self._presets.values() if each is not former}
        if number is None:
            number = free_number(taken) if former is None else former.number
        if number is None:
            raise PerformerError(f"there are {MOST_PRESETS} presets already; delete one first")
        if not 0 < number <= MOST_PRESETS:
            raise PerformerError(f"{number} is no place for {name}; use 1 … {MOST_PRESETS}")
        if number in taken:
            raise PerformerError(f"preset {taken[number]} has number {number}; delete it first")
        return number

    def _find(self, name: str | int) -> Preset:
        found = self._presets.get(str(name))
        for each in self._presets.values():
            if found is None and each.number == name:
                found = each
        if found is None:
            names: Sequence[str] = list(self._presets)
            close = closest(str(name)[:80], names)
            there = f"did you mean {close}?" if close else f"there are {_named(names)}"
            raise PerformerError(f"there is no preset {str(name)[:80]}; {there}")
        return found

    def _find_own(self, name: str | int) -> Preset:
        found = self._find(name)
        if not found.own:
            origin = self._instrument.scene.origin
            raise PerformerError(f"preset {found.name} is the scene's own; change it in {origin}")
        self._need_file()
        return self._loaded.own[found.name]

    def _number(self, name: str | int) -> int:
        return 0 if name == 0 else self._find(name).number

    def _change(self, control: str, value: float, seconds: float | None = None) -> Change:
        place = self._instrument.table.places[f"{PREFIX}.{control}"]
        return Change(place, value, glide_seconds=seconds)


def _check_name(name: str) -> None:
    try:
        preset_name(name)
    except ValueError as error:
        raise PerformerError(str(error)) from error


def _unknown_line(scene: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    return f"presets of {scene}: it has no {_named(names)}; such values are kept, and rest"


def _named(names: Sequence[str]) -> str:
    more = ["…"] if len(names) > _MOST_NAMED else []
    return ", ".join([*names[:_MOST_NAMED], *more]) or "none yet"
