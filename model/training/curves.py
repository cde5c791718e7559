"""The losses of a run, as CSV and, where it is installed, for TensorBoard."""

import contextlib
import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.training.checkpoint import MEND, write_whole
from model.training.errors import TrainingError

NAME = "losses.csv"


class Curves:
    """Means of the figures of steps, one row at a time.

    A run that goes on writes over the rows that it sees again. TensorBoard's files, which nobody
    needs, are left away where the library is missing.
    """

    def __init__(self, folder: Path, seen: int, tensorboard: bool = False) -> None:
        self._path = folder / NAME
        self._columns: list[str] = []
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._writer = _tensorboard(folder, seen) if tensorboard else None
        self._cut(seen)

    def add(self, figures: Mapping[str, float]) -> None:
        """The figures of a step."""
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def state(self) -> dict[str, Tensor]:
        """What has not become a row yet."""
        return {
            f"curves/{name}": torch.tensor([total, self._counts[name]], dtype=torch.float64)
            for name, total in self._sums.items()
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`, which may hold more than ours."""
        for key, tensor in state.items():
            if key.startswith("curves/"):
                name = key.removeprefix("curves/")
                self._sums[name], self._counts[name] = float(tensor[0]), int(tensor[1])

    def write(self, seen: int) -> None:
        """Write the means since the last row. Errors: TrainingError."""
        means = {name: total / self._counts[name] for name, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        if means:
            self._write_row(seen, means)
            self._draw(seen, means)

    def close(self) -> None:
        """Flush what TensorBoard holds."""
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.close()

    def _draw(self, seen: int, means: Mapping[str, float]) -> None:
        if self._writer is None:
            return
        try:
            for name, value in means.items():
                self._writer.add_scalar(name, value, seen)
        except OSError as error:
            self._writer = None
            raise _unwritable(self._path.parent / "tensorboard", error) from None

    def _write_row(self, seen: int, means: Mapping[str, float]) -> None:
        added = [name for name in means if name not in self._columns]
        try:
            if added:
                self._columns += added
                self._rewrite(self._rows())
            with self._path.open("a", encoding="utf-8", newline="") as file:
                self._csv(file).writerow({"seen": seen, **means})
        except OSError as error:
            raise _unwritable(self._path, error) from None

    def _cut(self, seen: int) -> None:
        """Keep the rows up to ``seen``."""
        rows = [row for row in self._rows() if int(row["seen"]) <= seen]
        if rows:
            self._columns = [name for name in rows[0] if name != "seen"]
            self._rewrite(rows)
        else:
            self._path.unlink(missing_ok=True)

    def _rows(self) -> list[dict[str, str]]:
        if not self._path.exists():
            return []
        with self._path.open(encoding="utf-8", newline="") as file:
            return [row for row in csv.DictReader(file) if (row.get("seen") or "").isdigit()]

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        text = io.StringIO(newline="")
        writer = self._csv(text)
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self._path, text.getvalue().encode())

    def _csv(self, file: Any) -> "csv.DictWriter[str]":
        return csv.DictWriter(file, ["seen", *self._columns], restval="")


def _tensorboard(folder: Path, seen: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=seen)


def _unwritable(path: Path, error: OSError) -> TrainingError:
    reason = (error.strerror or str(error)).lower()
    return TrainingError(f"{path}: cannot be written ({reason}); {MEND}")
