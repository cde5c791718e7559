"""``performer train``: a recipe and a folder of pictures in, a network out."""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from performer.console import say, warn
from performer.errors import PerformerError
from performer.progress import told_seconds

if TYPE_CHECKING:
    import torch

    from model.training.recipe import Recipe

OWN = "own"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command and its options."""
    train = commands.add_parser("train", help="teach a network with a folder of pictures")
    train.add_argument("recipe", nargs="?", default=OWN, help=f"a file or a name ({OWN})")
    train.add_argument("--pictures", metavar="FOLDER", help="what it learns from")
    train.add_argument("--conditions", metavar="FOLDER", help="of the pairs of the same names")
    train.add_argument("--out", type=Path, metavar="FOLDER", help="of the run (runs/RECIPE)")
    train.add_argument("--from", dest="start_from", metavar="FILE", help="take its layers over")
    train.add_argument("--canvas", metavar="WxH", help="one stage on this canvas")
    train.add_argument("--batch", type=int, metavar="N", help="pictures in a step of that stage")
    train.add_argument("--images", type=int, metavar="N", help="pictures seen in that stage")
    train.add_argument("--resume", action="store_true", help="go on where the run in --out ended")
    train.add_argument("--minutes", type=float, metavar="N", help="stop then, to be resumed")
    train.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    train.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="such as loss.pixel=2"
    )
    train.set_defaults(command=command)


def command(asked: argparse.Namespace) -> int:
    """Train as asked; the exit status."""
    from model.training.errors import TrainingError

    folder = asked.out or Path("runs") / Path(asked.recipe).stem
    try:
        with _joined(asked.device) as device:
            return _train(asked, folder, device)
    except TrainingError as error:
        raise PerformerError(str(error)) from error
    except OSError as error:
        where, what = error.filename or folder, (error.strerror or str(error)).lower()
        raise PerformerError(f"{where}: {what}; mend it, then go on with --resume") from error


def _train(asked: argparse.Namespace, folder: Path, device: "torch.device") -> int:
    from model import together
    from model.training.run import MODEL, Run
    from performer import out_file

    recipe, state = _resumed(asked, folder) if asked.resume else (_recipe(asked), None)
    if together.rank() == 0:
        _check(folder, asked.resume)
        if state is not None:
            say(f"{folder}: goes on after {int(state['seen'])} of {recipe.images} pictures")
    if device.type == "cpu":
        _hasten()
    with _Watch(recipe.images, together.rank() == 0) as watch:
        run = Run(recipe, folder, watch, device, asked.minutes)
        if together.rank() == 0:  # now that there is something to learn from
            out_file.make_folder(folder)
        is_done = run.start(state)
    if is_done:
        watch.told(f"{folder / MODEL}: trained on {run.trainer.seen} pictures")
        return 0
    watch.told(f"{folder}: written down after {run.trainer.seen} pictures; go on with --resume")
    return watch.status


def _hasten() -> None:
    """Have the native kernels there before the first step, on as many threads as torch has."""
    import torch

    from cuda_ops import build
    from cuda_ops.cpu import kernels

    try:
        build.build()
    except build.BuildError as error:
        warn(f"operators: {error}; without them a step takes three times as long")
        return
    kernels.set_threads(torch.get_num_threads())


def _recipe(asked: argparse.Namespace) -> "Recipe":
    from performer import recipes

    return _staged(recipes.read(asked.recipe, _given(asked)), asked, 0)


def _given(asked: argparse.Namespace) -> dict[str, Any]:
    from performer import recipes

    named = {
        "pictures": asked.pictures,
        "conditions": asked.conditions,
        "network.start_from": asked.start_from,
    }
    return {
        **{name: value for name, value in named.items() if value is not None},
        **recipes.settings(asked.set),
    }


def _resumed(asked: argparse.Namespace, folder: Path) -> tuple["Recipe", Any]:
    """The recipe of the run in ``folder``, with what was asked for anew, and its state."""
    from ruamel.yaml.comments import CommentedMap

    from model.training import checkpoint
    from performer import document, recipes

    recipe, state = checkpoint.read(folder)
    values = recipe.model_dump(mode="json")
    for name, value in _given(asked).items():
        recipes.lay_over(values, name, value)
    recipe = recipes.checked(document.Document("--set", CommentedMap(values)))
    return _staged(recipe, asked, int(state["seen"])), state


def _staged(recipe: "Recipe", asked: argparse.Namespace, seen: int) -> "Recipe":
    """With one more stage from here on, where one was asked for."""
    from ruamel.yaml.comments import CommentedMap

    from performer import document, recipes

    if not (asked.canvas or asked.batch or asked.images):
        return recipe
    values = recipe.model_dump(mode="json")
    now = recipe.stage_at(seen)
    stage = {
        "canvas": asked.canvas or now.canvas,
        "batch": asked.batch or now.batch,
        "images": asked.images or max(recipe.images - seen, 1),
    }
    values["stages"] = [*_past(recipe, seen), stage]
    return recipes.checked(document.Document("--canvas, --batch, --images", CommentedMap(values)))


def _past(recipe: "Recipe", seen: int) -> Iterator[Mapping[str, Any]]:
    for stage in recipe.stages:
        if seen > 0:
            yield {**stage.model_dump(mode="json"), "images": min(stage.images, seen)}
        seen -= stage.images


def _check(folder: Path, is_resuming: bool) -> None:
    from model.training.checkpoint import NAME

    if not is_resuming and (folder / NAME).exists():
        raise PerformerError(f"{folder}: holds a run; use --resume, or another folder with --out")


@contextlib.contextmanager
def _joined(device: str) -> "Iterator[torch.device]":
    """The device, and the other processes where torchrun started several."""
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    try:
        found = torch.device(device)
    except RuntimeError:
        raise PerformerError(f"--device: there is no {device}; use cpu or cuda") from None
    if found.type == "cuda":  # where averages over all processes are made, too
        torch.cuda.set_device(found)
    if "RANK" not in os.environ:
        yield found
        return
    torch.distributed.init_process_group("nccl" if found.type == "cuda" else "gloo")
    try:
        yield found
    finally:
        torch.distributed.destroy_process_group()


_ECHO = 2.0  # seconds


class _Watch:
    """Shows how far a run is, and listens to signals: the first asks the run to end well.

    A second one ends it at once, unless it comes so soon that it is an echo: Ctrl-C reaches every
    process, and `torchrun` hands it on to each of its own.
    """

    def __init__(self, images: int, is_first: bool) -> None:
        self.status = 0
        self._is_first = is_first
        self._images = images
        self._bar: Any = None
        self._means: dict[str, float] = {}
        self._former: dict[int, Any] = {}
        self._began = self._said = time.monotonic()
        self._first = 0  # how many pictures had been seen by then
        self._asked = 0.0

    def __enter__(self) -> "_Watch":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._former[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        if not self.status:  # else an echo may still come while the process ends
            for number, handler in self._former.items():
                signal.signal(number, handler)
        if self._bar is not None:
            self._bar.close()

    def _stop(self, number: int, _: object) -> None:
        if not self.status:
            self.status, self._asked = 128 + number, time.monotonic()
        elif time.monotonic() - self._asked > _ECHO:
            raise KeyboardInterrupt

    def is_stopping(self) -> bool:
        return self.status != 0

    def told(self, line: str) -> None:
        if not self._is_first:
            return
        if self._bar is not None:
            self._bar.clear()
        (say if self._bar is None else warn)(line)

    def seen(self, pictures: int, figures: Mapping[str, float]) -> None:
        if not self._is_first:
            return
        for name, value in figures.items():
            self._means[name] = 0.98 * self._means.get(name, value) + 0.02 * value
        if not self._first:
            self._began, self._first = time.monotonic(), pictures
        if sys.stderr.isatty():
            self._show(pictures)
        elif time.monotonic() - self._said > 60:
            self._said = time.monotonic()
            left = f"about {self._left(pictures)} left"
            say(f"{pictures} of {self._images} pictures, {left}, {self._told_means()}")

    def _left(self, pictures: int) -> str:
        pace = (pictures - self._first) / (time.monotonic() - self._began)
        return told_seconds((self._images - pictures) / pace) if pace > 0 else "no end"

    def _told_means(self) -> str:
        return ", ".join(f"{name} {value:.4f}" for name, value in self._means.items())

    def _show(self, pictures: int) -> None:
        if self._bar is None:
            self._bar = _bar(self._images, pictures)
        if self._bar is not None:
            self._bar.set_postfix_str(self._told_means(), refresh=False)
            self._bar.update(pictures - self._bar.n)


def _bar(images: int, seen: int) -> Any:
    """A bar with the time that is left."""
    from tqdm import tqdm

    return tqdm(total=images, initial=seen, unit=" pictures", smoothing=0.05, dynamic_ncols=True)
