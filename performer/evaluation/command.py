"""``performer evaluate``: figures of a network on pictures that it never learned from."""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from performer.console import say
from performer.errors import PerformerError

if TYPE_CHECKING:
    import PIL.Image

    from model.network import Network
    from performer.evaluation.figures import Figure
    from performer.evaluation.material import Material

CONDITIONS = ("blur", "edges", "plain")
FIGURES, SHEET = "evaluation.json", "evaluation.png"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command and its options."""
    evaluate = commands.add_parser("evaluate", help="measure a network on held-out pictures")
    evaluate.add_argument("model", type=Path, metavar="MODEL")
    evaluate.add_argument("--pictures", type=Path, metavar="FOLDER", required=True)
    evaluate.add_argument("--all", action="store_true", help="not only those held out of training")
    evaluate.add_argument("--condition", choices=CONDITIONS, default="blur")
    evaluate.add_argument("--sigma", type=_sigma, default=3.0, metavar="PX", help="of the blur (3)")
    evaluate.add_argument("--rounded", action="store_true", help="the condition, to 8 bits")
    evaluate.add_argument("--most", type=_most, default=16, metavar="N", help="pictures (16)")
    evaluate.add_argument("--inception", type=Path, metavar="FILE", help="weights for FID and KID")
    evaluate.add_argument("--precision", default="float32", metavar="NAME", help="float32, auto …")
    evaluate.add_argument("--device", default="cpu")
    evaluate.add_argument("--out", type=Path, metavar="DIR", help=f"{FIGURES} and {SHEET} there")
    evaluate.add_argument("--card", type=Path, metavar="FILE.md", help="fill a model card")
    evaluate.add_argument("--losses", type=Path, metavar="FILE.csv", help="curves for the card")
    evaluate.set_defaults(command=command)


@dataclass(frozen=True)
class Outcome:
    """What an evaluation found."""

    figures: "list[Figure]"
    sheet: "PIL.Image.Image"
    condition: str
    pictures: list[str]
    seconds: float


def command(asked: argparse.Namespace) -> int:
    """Measure, print, write."""
    from performer import models, out_file
    from performer.evaluation.figures import table

    asked.model = models.known(str(asked.model))
    out = asked.out or (asked.card.parent if asked.card else None)
    if out is not None:
        out_file.make_folder(out)
    outcome = _judged(asked)
    say(table(outcome.figures))
    if out is not None:
        _write(asked, outcome, out)
    return 0


def _judged(asked: argparse.Namespace) -> Outcome:
    import torch

    from model.errors import LoadError
    from performer.evaluation.material import Material

    begun = time.monotonic()
    try:
        network = _loaded(asked)
        material = Material(asked.pictures, asked.all)
        with torch.inference_mode():
            figures, sheet, condition = _measured(asked, network, material)
    except (LoadError, ValueError) as error:
        raise PerformerError(str(error)) from error
    names = [file.name for file in material.files]
    return Outcome(figures, sheet, condition, names, time.monotonic() - begun)


def _loaded(asked: argparse.Namespace) -> "Network":
    import torch

    import model

    try:
        device = torch.device(asked.device)
        return model.load(asked.model, device, asked.precision)
    except RuntimeError as error:
        raise PerformerError(f"--device {asked.device}: {str(error).splitlines()[0]}") from error


def _measured(
    asked: argparse.Namespace, network: "Network", material: "Material"
) -> "tuple[list[Figure], PIL.Image.Image, str]":
    from model.canvas import Canvas
    from performer.evaluation import sheets
    from performer.evaluation.canvas import CanvasJudge
    from performer.evaluation.generator import GeneratorJudge
    from performer.evaluation.material import Conditioner

    if not isinstance(network, Canvas):
        generator = GeneratorJudge(network, material)
        figures = generator.figures(asked.most, asked.inception)
        return figures, sheets.of_pictures(generator.pictures), "none"
    side = network.config.encoder.size[1]
    native = network.config.resolution
    conditioner = Conditioner(asked.condition, asked.sigma, side, native, asked.rounded)
    judge = CanvasJudge(network, material, conditioner)
    figures = judge.figures(asked.most, asked.inception)
    return figures, sheets.of_canvas(judge), str(conditioner)


def _write(asked: argparse.Namespace, outcome: Outcome, out: Path) -> None:
    from performer import contact_sheet
    from performer.evaluation import card
    from performer.evaluation.figures import as_values

    facts = {
        "model": asked.model.name,
        "condition": outcome.condition,
        "precision": asked.precision,
        "pictures": outcome.pictures,
        "seconds": round(outcome.seconds, 1),
        "figures": as_values(outcome.figures),
    }
    contact_sheet.save(outcome.sheet, out / SHEET)
    card.write(out / FIGURES, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    say(f"{out / FIGURES}, {out / SHEET}: written after {outcome.seconds:.0f} s")
    if asked.card is not None:
        card.fill(asked.card, card.Facts.gathered(asked, outcome))
        say(f"{asked.card}: filled")


def _sigma(text: str) -> float:
    try:
        if 0 <= (value := float(text)) <= 64:
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text} is no number of pixels, 0 … 64")


def _most(text: str) -> int:
    if not text.isdigit() or not 2 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 2 up")
    return int(text)
