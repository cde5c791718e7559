"""``performer dataset``: is this folder fit to learn from, and what of it is learned from?"""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from performer.console import say, warn
from performer.errors import BAD_INPUT, PerformerError

if TYPE_CHECKING:
    from performer.dataset.look import Findings

LARGEST_SIDE = 8192
_SHOWN = 400  # on a contact sheet


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command and its options."""
    dataset = commands.add_parser("dataset", help="check, crop and pack pictures to learn from")
    dataset.add_argument("folder", type=Path, metavar="FOLDER")
    dataset.add_argument("--out", type=Path, metavar="DIR", help="pack crops and an index there")
    dataset.add_argument(
        "--size", type=size, default=(256, 256), metavar="WxH", help="of the crops (256x256)"
    )
    dataset.add_argument("--sheet", type=Path, metavar="FILE.png", help="paint a contact sheet")
    dataset.set_defaults(command=command)


def size(text: str) -> tuple[int, int]:
    """``WxH`` as width and height. Errors: argparse.ArgumentTypeError."""
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    width, height = (int(side) for side in found.groups()) if found else (0, 0)
    if not 16 <= min(width, height) <= max(width, height) <= LARGEST_SIDE:
        raise argparse.ArgumentTypeError(f"{text} is no size such as 256x256")
    return width, height


def command(asked: argparse.Namespace) -> int:
    """Look, and pack or paint where asked; 2 where problems were found and nothing was packed."""
    from performer.dataset.look import look_through, pictures_in
    from performer.progress import progress

    files = pictures_in(asked.folder)
    findings = look_through(progress(files, "looking"), asked.size)
    for problem in findings.problems:
        warn(str(problem))
    say(_summary(asked.folder, findings))
    if not findings.kept:
        raise PerformerError(f"{asked.folder}: none of its pictures serves; see the lines above")
    if asked.sheet is not None:
        _paint(findings, asked.sheet)
    if asked.out is not None:
        _pack(findings, asked.size, asked.out)
        return 0
    return BAD_INPUT if findings.problems or _only_when_packed(findings) else 0


def _only_when_packed(findings: "Findings") -> bool:
    """Says which pictures are of a kind that training does not read as it is."""
    from model.training.photographs import SUFFIXES

    files = [p.file for p in findings.kept if p.file.suffix.lower() not in SUFFIXES]
    for file in files:
        warn(f"{file}: is learned from only when packed; use --out")
    return bool(files)


def _summary(folder: Path, findings: "Findings") -> str:
    from model.training.split import is_held_out

    kept, left_out = len(findings.kept), len(findings.problems)
    held = sum(is_held_out(photograph.file.name) for photograph in findings.kept)
    return f"{folder}: {kept} pictures serve, {held} of them held out; {left_out} left out"


def _paint(findings: "Findings", path: Path) -> None:
    from model.training.split import is_held_out
    from performer import contact_sheet
    from performer.dataset.look import opened
    from performer.progress import progress

    def shown(file: Path) -> contact_sheet.Captioned:
        picture = opened(file)
        picture.thumbnail((128, 128))
        return picture, f"{file.stem}{' (held out)' if is_held_out(file.name) else ''}"

    kept = findings.kept[:_SHOWN]
    pictures = [shown(photograph.file) for photograph in progress(kept, "painting")]
    contact_sheet.save(contact_sheet.thumbnails(pictures), path)
    say(f"{path}: {len(kept)} of {len(findings.kept)} pictures")


def _pack(findings: "Findings", wanted: tuple[int, int], out: Path) -> None:
    from performer.dataset.pack import INDEX, pack
    from performer.progress import progress

    count = pack(progress(findings.kept, "packing"), wanted, out)
    say(f"{out}: {count} crops of {wanted[0]}x{wanted[1]}, and {INDEX}")
