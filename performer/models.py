"""Trained networks by their names: the performer's own, then those that came with us."""

import importlib.resources
from pathlib import Path

import platformdirs

from model import clusters
from performer.errors import PerformerError
from performer.sayings import closest

SUFFIX = ".safetensors"


def folders() -> list[Path]:
    """Where networks are looked for by name."""
    own = Path(platformdirs.user_data_dir("performer", appauthor=False)) / "models"
    return [own, Path(str(importlib.resources.files("models")))]


def names() -> list[str]:
    """What :func:`named` finds, in alphabetical order."""
    files = (file for folder in folders() for file in folder.glob(f"*{SUFFIX}"))
    return sorted({file.stem for file in files if "." not in file.stem})


def named(name: str) -> Path | None:
    """The network of that name; None where there is none."""
    if name not in names():
        return None
    return next(file for folder in folders() if (file := folder / f"{name}{SUFFIX}").is_file())


def find(network: str) -> Path:
    """The file meant by a path or a name; the path itself where there is neither."""
    path = Path(network)
    return path if path.is_file() else named(network) or path


def known(network: str) -> Path:
    """As :func:`find`. Errors: PerformerError where there is neither file nor name."""
    path = find(network)
    if not path.is_file():
        close = closest(network, names()) or ", ".join(names())
        raise PerformerError(f"{network}: there is no such file or network; try {close}")
    return path


def clusters_of(network: Path) -> Path:
    """Where the clusters of a network are written: beside it, but never among what we came with."""
    own, built_in = folders()
    beside = clusters.beside(network)
    return own / beside.name if network.parent == built_in else beside


def found_clusters(network: Path) -> Path | None:
    """The clusters of a network, those of the performer first; None where there are none."""
    candidates = (clusters_of(network), clusters.beside(network))
    return next((file for file in candidates if file.is_file()), None)
