"""The file in which a performer's presets of one scene are kept: JSON, in the own folder.

It may name parameters that the scene has no more: those stay in it. A file that cannot be read is
left alone, and nothing is saved over it.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from performer import reading, whole_files
from performer.doors.presets import MOST_PRESETS
from performer.errors import PerformerError
from performer.presets import Preset
from performer.scene import PresetName, PresetValues

MOST_BYTES = 4 << 20
_MEND = "mend it or move it away; until then no preset is saved"


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _KeptPreset(_Kept):
    number: Annotated[int, Field(ge=1, le=MOST_PRESETS)]
    walked: tuple[float, float] | None = None
    values: PresetValues


class _KeptPresets(_Kept):
    performer: Literal[1]
    presets: dict[PresetName, _KeptPreset]


def file_of(origin: Path) -> Path:
    """Where the presets of the scene in the file ``origin`` are kept.

    By its name alone where scenes are found by name, so that they outlive an installation.
    """
    folder = Path(platformdirs.user_data_dir("performer", appauthor=False)) / "presets"
    whole = origin.resolve()
    if whole.parent in [each.resolve() for each in reading.folders()]:
        return folder / f"{whole.stem}.json"
    return folder / f"{whole.stem[:40]}-{hashlib.sha256(str(whole).encode()).hexdigest()[:8]}.json"


def read(file: Path) -> list[Preset]:
    """The presets in ``file``; none where it is not there. Errors: PerformerError."""
    try:
        text = _text(file)
        kept = _KeptPresets.model_validate(json.loads(text)) if text else None
    except OSError as error:
        raise PerformerError(f"{file}: cannot be read ({error.strerror}); {_MEND}") from error
    except json.JSONDecodeError as error:
        raise PerformerError(
            f"{file}:{error.lineno}: is not JSON ({error.msg}); {_MEND}"
        ) from error
    except ValidationError as error:
        detail = error.errors()[0]
        field = ".".join(map(str, detail["loc"])) or "presets"
        raise PerformerError(f"{file}: {field}: {detail['msg']}; {_MEND}") from error
    except (ValueError, RecursionError) as error:
        raise PerformerError(f"{file}: {error}; {_MEND}") from error
    return _distinct(file, kept) if kept else []


def write(file: Path, presets: Iterable[Preset]) -> None:
    """Keep the performer's own of ``presets``. Errors: OSError."""
    kept = {
        preset.name: {
            "number": preset.number,
            **({} if preset.walk is None else {"walked": list(preset.walk)}),
            "values": dict(preset.values),
        }
        for preset in presets
        if preset.own
    }
    text = json.dumps({"performer": 1, "presets": kept}, indent=1, ensure_ascii=False)
    whole_files.replace(file, text + "\n")


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"is larger than {MOST_BYTES >> 20} MiB")
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _distinct(file: Path, kept: _KeptPresets) -> list[Preset]:
    by_number: dict[int, Preset] = {}
    for name, each in kept.presets.items():
        if (other := by_number.get(each.number)) is not None:
            both = f"{other.name} and {name} have the same number {each.number}"
            raise PerformerError(f"{file}: presets.{name}.number: {both}; {_MEND}")
        by_number[each.number] = Preset(name, each.number, each.values, each.walked, own=True)
    return list(by_number.values())
