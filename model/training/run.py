"""A whole run in its folder: steps, losses, checkpoints, sheets, and what comes out."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import torch

from model import together
from model.checkpoint import save
from model.training import checkpoint
from model.training.checkpoint import MEND
from model.training.curves import Curves
from model.training.errors import TrainingError
from model.training.examples import Batch, Examples
from model.training.photographs import MOST_KEPT_BYTES, Photographs, files_in
from model.training.recipe import Recipe
from model.training.sheets import Sheets
from model.training.split import divided
from model.training.trainer import Trainer

MODEL = "model.safetensors"
SHEETS = "sheets"
# Batches that are made while one is learnt from.
_AHEAD = max(3, (os.cpu_count() or 1) // 2)


class Listener(Protocol):
    """Who follows a run."""

    def told(self, line: str) -> None:
        """Something a person should read."""
        ...

    def seen(self, pictures: int, figures: Mapping[str, float]) -> None:
        """How far the run is, and the figures of the latest step."""
        ...

    def is_stopping(self) -> bool:
        """Whether the run should be written down and end."""
        ...


class Run:
    """A training in a folder. ``minutes`` ends it early, written down, to be resumed."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        listener: Listener,
        device: torch.device,
        minutes: float | None = None,
    ) -> None:
        _check_batches(recipe)
        self.recipe = recipe
        self.folder = folder
        self._listener = listener
        self._minutes = minutes
        examples, held_out, count = _examples(recipe, listener.told)
        self.trainer = Trainer(recipe, examples, device)
        self._sheets = Sheets(recipe, held_out, count)
        self._faults = 0

    def start(self, state: dict[str, torch.Tensor] | None) -> bool:
        """Begin, or go on from a checkpoint's ``state``; True when the run came to its end.

        Raises:
            TrainingError: it cannot go on. What was learnt up to the last checkpoint is there.
        """
        self._begin(state)
        if together.rank() > 0:
            self._learn(None)
            return self.trainer.is_done
        curves = Curves(self.folder, self.trainer.seen, self.recipe.tensorboard)
        curves.restore(state or {})
        try:
            self._learn(curves)
        finally:
            curves.close()
        return self.trainer.is_done

    def _begin(self, state: dict[str, torch.Tensor] | None) -> None:
        if state is None:
            if self.trainer.origin:
                self._listener.told(self.trainer.origin)
            self.trainer.begin()
            return
        try:
            self.trainer.restore(state)
        except (ValueError, RuntimeError, KeyError) as error:
            what = " ".join(str(error).split())[:120]
            raise TrainingError(
                f"{self.folder}: its checkpoint is of another network ({what}); "
                "start in another folder"
            ) from None

    def _learn(self, curves: Curves | None) -> None:
        began = written = time.monotonic()
        for batch in self._batches() if not self.trainer.is_done else ():
            before = self.trainer.seen
            self._note(self.trainer.step(batch), curves)
            now = time.monotonic()
            stops = self._stops(now - began)
            if curves is not None and self._keep(curves, before, now - written, stops):
                written = now
            if stops:
                return

    def _keep(self, curves: Curves, before: int, seconds: float, stops: bool) -> bool:
        """Write what it is time for; True for a checkpoint too.

        While the run goes on, what cannot be written is told, and tried again when its time comes.
        """
        is_due = stops or seconds > 60 * self.recipe.checkpoint_minutes
        try:
            self._show(before, curves)
            if is_due:
                self._write(curves)
        except TrainingError as error:
            if stops:
                raise
            self._listener.told(f"{error}; meanwhile training goes on")
        return is_due

    def _stops(self, seconds: float) -> bool:
        """Whether this is the last step, here or in any of the processes."""
        late = self._minutes is not None and seconds > 60 * self._minutes
        return together.anywhere(late or self._listener.is_stopping() or self.trainer.is_done)

    def _note(self, figures: Mapping[str, float] | None, curves: Curves | None) -> None:
        if figures is not None:
            self._faults = 0
            if curves is not None:
                curves.add(figures)
            self._listener.seen(self.trainer.seen, figures)
            return
        self._faults += 1
        seen = self.trainer.seen
        if self._faults >= self.recipe.most_faults:
            raise TrainingError(
                f"{self.folder}: {self._faults} steps in a row gave no finite number, up to "
                f"picture {seen}; lower optimiser.rate, then go on with --resume"
            )
        self._listener.told(f"picture {seen}: a step gave no finite number; it is skipped")

    def _show(self, before: int, curves: Curves) -> None:
        """A row and a sheet, where it is time for them."""
        if self._crossed(before, self.recipe.row_images):
            curves.write(self.trainer.seen)
        if self._crossed(before, self.recipe.sheet_images):
            self._write_sheet()

    def _crossed(self, before: int, every: int) -> bool:
        return before // every != self.trainer.seen // every

    def _write(self, curves: Curves) -> None:
        """Checkpoint, and the network as it can be played now."""
        if self.trainer.is_done:
            curves.write(self.trainer.seen)
            self._write_sheet()
        checkpoint.write(self.folder, self.recipe, {**self.trainer.state(), **curves.state()})
        self._write_network()

    def _write_network(self) -> None:
        path = self.folder / MODEL
        source = f"performer train, {self.trainer.seen} pictures"
        recipe = self.recipe.model_dump(mode="json", exclude={"pictures", "conditions"})
        try:
            save(self.trainer.averaged, path, source, half=True, recipe=recipe)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TrainingError(f"{path}: cannot be written ({reason}); {MEND}") from None

    def _write_sheet(self) -> None:
        folder = self.folder / SHEETS
        with contextlib.suppress(OSError):  # where there is no room, writing says so
            folder.mkdir(exist_ok=True)
        self._sheets.write(self.trainer.averaged, folder / f"{self.trainer.seen:09d}.png")

    def _batches(self) -> Iterator[Batch]:
        """Batches to the end of the run, made ahead on other threads."""
        seen = self.trainer.seen
        pending: list[Future[Batch]] = []
        with ThreadPoolExecutor(_AHEAD, "examples") as pool:
            try:
                while True:
                    while len(pending) < _AHEAD:
                        pending.append(pool.submit(self.trainer.batch, seen))
                        seen += self.recipe.stage_at(seen).batch
                    yield pending.pop(0).result()
            finally:
                for batch in pending:
                    batch.cancel()


def _check_batches(recipe: Recipe) -> None:
    processes = together.count()
    for stage in recipe.stages:
        if stage.batch % processes:
            raise TrainingError(
                f"stages: a batch of {stage.batch} cannot be shared by {processes} processes; "
                f"use a multiple of {processes}"
            )


def _examples(recipe: Recipe, told: Callable[[str], None]) -> tuple[Examples, Examples, int]:
    """Those to learn from, those held out, and how many photographs the latter are."""
    trained, held_out = divided(files_in(recipe.pictures))
    if not trained:
        raise TrainingError(f"{recipe.pictures}: all its pictures are held out; add more")
    told(f"{recipe.pictures}: {len(trained)} pictures to learn from, {len(held_out)} held out")
    if not held_out:
        told("none is held out: sheets show pictures that it learns; evaluate them with --all")
    shown = held_out or trained

    def of(files: list[Path], share: float) -> Examples:
        room = int(MOST_KEPT_BYTES * share / (1 if recipe.conditions is None else 2))
        pictures = Photographs(files, told, room)
        return Examples(recipe, pictures, _paired(recipe, files, told, room))

    return of(trained, 0.9), of(shown, 0.1), len(shown)


def _paired(
    recipe: Recipe, files: list[Path], told: Callable[[str], None], room: int
) -> Photographs | None:
    """The conditions of ``files``, where there are such pairs."""
    if recipe.conditions is None:
        return None
    named = {file.stem: file for file in files_in(recipe.conditions)}
    if missing := [file for file in files if file.stem not in named]:
        raise TrainingError(
            f"{recipe.conditions}: holds no condition for {missing[0].name}; add it, or "
            "take that picture away"
        )
    return Photographs([named[file.stem] for file in files], told, room)
