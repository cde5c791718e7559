"""Small files of ours beside networks: tensors, and a JSON text that says what they are.

They are data and nothing else: safetensors, whose header holds under one key of ours the text.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as parsed
from safetensors.torch import save as serialised
from torch import Tensor

from model.errors import LoadError
from model.files import checked_size, unreadable

FORMAT = 1
SUFFIX = ".safetensors"
MOST_BYTES = 1 << 28


def write(path: Path, key: str, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Writes ``tensors`` and ``facts`` to ``path``, whole or not at all.

    Raises:
        ValueError: ``path`` does not end in .safetensors.
        OSError: it cannot be written; what was there before is still there.
    """
    if path.suffix.lower() != SUFFIX:
        raise ValueError(f"{path}: does not end in {SUFFIX}; name it so")
    text = json.dumps({"format": FORMAT, **facts})
    contiguous = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(serialised(contiguous, {key: text}))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read(path: Path, key: str, mend: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The facts and tensors that `write` put there under ``key``.

    Raises:
        LoadError: there is no such file, or it is damaged or of something else; ends in ``mend``.
    """
    if checked_size(path) > MOST_BYTES:
        raise LoadError(f"{path}: is too large for such a file; {mend}")
    try:
        content = path.read_bytes()
        tensors = parsed(content)
    except OSError as error:
        raise unreadable(path, error) from None
    except SafetensorError as error:
        raise LoadError(f"{path}: is damaged ({str(error)[:80]!r}); {mend}") from None
    return _facts(path, _metadata(content).get(key), mend), tensors


def _metadata(content: bytes) -> dict[str, str]:
    """Of a file that safetensors has read without complaint."""
    length = int.from_bytes(content[:8], "little")
    found: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    return found


def _facts(path: Path, text: str | None, mend: str) -> dict[str, Any]:
    if text is None:
        raise LoadError(f"{path}: holds something else; {mend}")
    try:
        found: Any = json.loads(text)
        match found:
            case {"format": int(number)} if number == FORMAT:
                facts: dict[str, Any] = found
                return facts
            case {"format": int(number)} if number > FORMAT:
                raise LoadError(f"{path}: has the newer format {number}; update performer")
    except (ValueError, RecursionError):
        pass
    raise LoadError(f"{path}: its description is damaged; {mend}")
