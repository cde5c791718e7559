"""The script that rebuilds our own training set, on a package as Debian would unpack it."""

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "fetch_landscapes.py"

COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: Somebody
License: GPL-3+

Files: images/land/*
Copyright: Various
License: public-domain
 Donated and placed in the public domain.

Files: images/land/sea1*
Copyright: Somebody Else
License: CC-BY-SA-4.0

Files:
 images/land/lava0*
 images/land/sea1*
Copyright: USGS
License: public-domain
 From the USGS.
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch_landscapes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)

    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


def test_only_what_is_wholly_in_the_public_domain_is_taken(
    script: ModuleType, tmp_path: Path
) -> None:
    content, out = tmp_path / "content", tmp_path / "out"
    land = content / script.LAND
    for folder in (land, (content / script.COPYRIGHT).parent, out):
        folder.mkdir(parents=True)
    for name in ("beach1.jpg", "sea1.jpg", "lava0.jpg", "city1.jpg", "mountain10-sfiera.jpg"):
        (land / name).write_bytes(name.encode())
    (content / script.COPYRIGHT).write_text(COPYRIGHT)
    assert script.take(content, out) == 2
    assert {file.name for file in out.iterdir()} == {"beach1.jpg", "lava0.jpg", "LICENCES.tsv"}
    with (out / "LICENCES.tsv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}
    assert (rows["lava0.jpg"]["licence"], rows["lava0.jpg"]["copyright"]) == (
        "public-domain",
        "USGS",
    )
    assert rows["beach1.jpg"]["copyright"] == "Various"


def test_the_names_are_of_nature_and_each_stands_once(script: ModuleType) -> None:
    names = script.names()
    assert len(names) == len(set(names)) == 140
    assert not any(name.startswith(("city", "nasa", "space", "station")) for name in names)
    assert "canyon01.jpg" in names
    assert "beach0.jpg" not in names
