"""Rebuilds the training set of landscapes-256 from its public Debian package.

    python scripts/fetch_landscapes.py [--out data/landscapes] [--package endless-sky-data_….deb]

The photographs of nature named below come from the game Endless Sky, as Debian packages them. Needs
`apt-get` (no root) or a package at hand, and `dpkg-deb`. A picture is taken only where every
paragraph on images/land in the package's copyright file that fits its name says public domain; the
folder's LICENCES.tsv says by which words.
"""

import argparse
import fnmatch
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "endless-sky-data"
LAND = Path("usr/share/games/endless-sky/images/land")
COPYRIGHT = Path(f"usr/share/doc/{PACKAGE}/copyright")

# Nature alone, by name: no cities, machines, interiors or views from space, and not the pier of
# beach0. Names that end in a contributor's are under CC-BY-SA, so they are not here either.
NATURE = """
badlands 0 1 2 3 4 5 6 7 8
beach 1 2 3 4 5 6
canyon 0 01 02 03 04 05 1 2 3 4 5 6 7 8 9
desert 0 1 2 3 4 5 6 7
dune 0 1 2 3 4 5
fields 0 1 2 3 4 5 6 7 8 9
fog 0 1 2 3 4 5 6 7
forest 0 1 2 3 4 5
hills 0 1 2 3 4
lava 0 1 2 3 4 6
mountain 0 1 2 3 4 5 6 7 8 9
sea 0 1 2 3 4 5 6 7 8 9
sky 0 1 2 3 4 5 6 7 8 9
snow 0 1 2 3 4 5 6 7 8 9 10
valley 0 1 2 3 4 5 6 7 8 9
water 0 1 2 3 4 5 6 7 8 9
"""


@dataclass(frozen=True)
class Paragraph:
    """What a copyright file in Debian's format says of some files."""

    patterns: tuple[str, ...]
    holder: str
    licence: str
    words: str

    @property
    def about_land(self) -> list[str]:
        """The patterns for files in images/land, within it."""
        prefix = "images/land/"
        return [p.removeprefix(prefix) for p in self.patterns if p.startswith(prefix)]


def names() -> list[str]:
    """The files of `NATURE`."""
    rows = (line.split() for line in NATURE.split("\n") if line)
    return [f"{kind}{number}.jpg" for kind, *numbers in rows for number in numbers]


def paragraphs(text: str) -> list[Paragraph]:
    """The paragraphs about files, in their order; the last that fits a file decides."""
    found = []
    for block in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([A-Z][\w-]*):(.*(?:\n .*)*)", block, re.MULTILINE))
        if "Files" in fields and "License" in fields:
            licence, _, words = fields["License"].strip().partition("\n")
            holder = " ".join(fields.get("Copyright", "").split())
            patterns = tuple(fields["Files"].split())
            found.append(Paragraph(patterns, holder, licence, " ".join(words.split())))
    return found


def fitting(name: str, known: list[Paragraph]) -> list[Paragraph]:
    """Those about this picture of images/land; what is said of larger folders they overrule."""
    return [
        paragraph
        for paragraph in known
        if any(fnmatch.fnmatchcase(name, p) for p in paragraph.about_land)
    ]


def unpacked(package: Path | None, folder: Path) -> Path:
    """The package's content in ``folder``, fetched first where it is not at hand."""
    if package is None:
        command = ["apt-get", "download", "-o", "APT::Sandbox::User=", PACKAGE]
        subprocess.run(command, cwd=folder, check=True)
        (package,) = folder.glob(f"{PACKAGE}_*.deb")
    subprocess.run(["dpkg-deb", "-x", str(package.resolve()), str(folder / "content")], check=True)
    return folder / "content"


def take(content: Path, out: Path) -> int:
    """Copies the named pictures and writes LICENCES.tsv; how many there are."""
    known = paragraphs((content / COPYRIGHT).read_text(encoding="utf-8"))
    rows = ["file\tlicence\tcopyright\twords of the package's copyright file"]
    for name in names():
        source, said = content / LAND / name, fitting(name, known)
        if not source.is_file():
            print(f"{name}: is not in this version of the package; left out")
        elif {paragraph.licence for paragraph in said} != {"public-domain"}:
            print(f"{name}: is not wholly in the public domain; left out")
        else:
            shutil.copyfile(source, out / name)
            rows.append("\t".join([name, said[-1].licence, said[-1].holder, said[-1].words]))
    (out / "LICENCES.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return len(rows) - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data/landscapes"))
    parser.add_argument("--package", type=Path, metavar="FILE.deb", help="do not fetch it")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            content = unpacked(asked.package, Path(folder))
        except FileNotFoundError as error:
            raise SystemExit(
                f"{error.filename}: is not installed; this needs Debian or Ubuntu"
            ) from None
        except subprocess.CalledProcessError as error:
            raise SystemExit(
                f"{error.cmd[0]} failed; try apt-get update, or give --package"
            ) from None
        count = take(content, asked.out)
    print(f"{asked.out}: {count} photographs, and LICENCES.tsv")


if __name__ == "__main__":
    main()
