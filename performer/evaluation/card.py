"""Model cards: what a network is, what it learned from, and how good it is.

A card is Markdown. What is measured stands between ``<!-- NAME -->`` and ``<!-- /NAME -->`` and is
written anew each time; everything else is the author's, and stays.
"""

import argparse
import csv
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from model.checkpoint import METADATA_KEY
from model.training.split import divided
from performer import contact_sheet
from performer.dataset.look import pictures_in
from performer.errors import PerformerError
from performer.evaluation import curves
from performer.evaluation.figures import markdown

if TYPE_CHECKING:
    from performer.evaluation.command import Outcome

LICENCES = "LICENCES.tsv"
CURVES = "curves.png"

TEMPLATE = """# Model card: {name}

What it is for, in a sentence: …

## Model

<!-- model -->
<!-- /model -->

## Data

<!-- data -->
<!-- /data -->

## Licence

Of the weights: …

## Recipe

<!-- recipe -->
<!-- /recipe -->

## Figures

<!-- figures -->
<!-- /figures -->

## Samples

<!-- samples -->
<!-- /samples -->

## Limits

What it does badly, and what it was never shown: …
"""


@dataclass(frozen=True)
class Facts:
    """The measured parts of a card, each as Markdown, by name."""

    name: str
    parts: dict[str, str]

    @classmethod
    def gathered(cls, asked: argparse.Namespace, outcome: "Outcome") -> "Facts":
        """All of an evaluation; the curves are painted beside the card."""
        told = told_by(asked.model)
        parts = {
            "model": _model(asked.model, told),
            "data": _data(asked.pictures),
            "recipe": _recipe(told) + _curves(asked.losses, asked.card.parent),
            "figures": _figures(outcome),
            "samples": f"![What it paints of held-out photographs]({_SHEET})",
        }
        return cls(asked.model.stem, parts)


_SHEET = "evaluation.png"


def fill(path: Path, facts: Facts) -> None:
    """Writes the parts into the card, made from the template where there is none.

    Raises:
        PerformerError: the card cannot be read or written, or lacks a place.
    """
    try:
        is_there = path.exists()
        text = path.read_text("utf-8") if is_there else TEMPLATE.format(name=facts.name)
    except (OSError, UnicodeDecodeError) as error:
        raise PerformerError(f"{path}: cannot be read as text; name a Markdown file") from error
    for name, part in facts.parts.items():
        text = _replaced(path, text, name, part)
    write(path, text)


def write(path: Path, text: str) -> None:
    """Writes a text file. Errors: PerformerError."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PerformerError(f"{path}: cannot be written ({reason})") from error


def told_by(model: Path) -> dict[str, Any]:
    """What a .safetensors file of ours says of itself; nothing for other files."""
    try:
        with safe_open(model, framework="pt") as file:
            told = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
    except (OSError, SafetensorError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _replaced(path: Path, text: str, name: str, part: str) -> str:
    place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not place.search(text):
        marks = f"<!-- {name} --> and <!-- /{name} -->"
        raise PerformerError(f"{path}: has no place for {name}; put {marks} on lines of their own")
    return place.sub(lambda found: f"{found[1]}{part.strip()}\n{found[2]}", text, count=1)


def _model(file: Path, told: dict[str, Any]) -> str:
    config = told.get("config", {})
    facts = {
        "file": f"`{file.name}`, {file.stat().st_size / 1e6:.1f} MB",
        "family": config.get("family"),
        "picture": _size(config),
        "source": told.get("source"),
    }
    rows = [f"| {name} | {value} |" for name, value in facts.items() if value]
    return "\n".join(["| | |", "|---|---|", *rows])


def _size(config: dict[str, Any]) -> str:
    side, condition = config.get("resolution"), config.get("encoder", {}).get("size")
    seen = f", from a condition of {condition[0]} x {condition[1]}" if condition else ""
    return f"{side} x {side} pixels{seen}" if side else ""


def _data(folder: Path) -> str:
    files = pictures_in(folder)
    trained, held_out = divided(files)
    line = f"{len(files)} photographs: {len(trained)} to learn from, {len(held_out)} held out."
    names = ", ".join(file.name for file in held_out)
    return "\n\n".join([line, *_licences(folder / LICENCES), f"Held out: {names}."])


def _licences(file: Path) -> list[str]:
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as rows:
        counts = Counter(
            (row.get("licence") or "unknown", row.get("copyright") or "unknown")
            for row in csv.DictReader(rows, delimiter="\t")
        )
    lines = [f"| {count} | {' | '.join(key)} |" for key, count in counts.most_common()]
    return ["\n".join(["| photographs | licence | by |", "|---:|---|---|", *lines])]


def _recipe(told: dict[str, Any]) -> str:
    recipe = told.get("recipe")
    if not recipe:
        return "The file does not say how it was trained.\n"
    text = recipe if isinstance(recipe, str) else json.dumps(recipe, indent=1, ensure_ascii=False)
    return f"```json\n{text}\n```\n"


def _curves(losses: Path | None, folder: Path) -> str:
    if losses is None:
        return ""
    contact_sheet.save(curves.paint(curves.read(losses)), folder / CURVES)
    return f"\n![Curves of the training, against pictures seen]({CURVES})\n"


def _figures(outcome: "Outcome") -> str:
    count = len(outcome.pictures)
    what = f"On {count} photographs that were held out; condition: {outcome.condition}."
    return f"{what} What each figure means: `docs/evaluation.md`.\n\n{markdown(outcome.figures)}"
