"""Where commands write: what is wrong with a name is said before the work, not after it."""

from pathlib import Path

from performer.errors import PerformerError


def check(path: Path, suffix: str) -> None:
    """Errors: PerformerError where ``path`` has another suffix, or lies in no folder."""
    if path.suffix.lower() != suffix:
        raise PerformerError(f"--out: {path}: does not end in {suffix}; name it so")
    if not path.parent.is_dir():
        raise PerformerError(f"--out: there is no folder {path.parent}; make it first")


def make_folder(folder: Path) -> None:
    """Make it, unless it is there. Errors: PerformerError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PerformerError(f"{folder}: cannot be made ({error.strerror})") from error
