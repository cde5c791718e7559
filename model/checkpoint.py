"""Networks in files: published pickles, and our own safetensors files.

A safetensors file of ours is the network's flat dictionary of tensors; its header holds, under
"performer", a JSON text with the format's number, the configuration, and where it came from.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialised

from model import config, networks, pickles
from model.errors import LoadError
from model.files import checked_size, unreadable
from model.network import Network
from model.tree import Node

FORMAT = 1
METADATA_KEY = "performer"
LONGEST_HEADER = 1 << 22
NETWORK_KEYS = ("G_ema", "G")
MEND = "convert the original again with `performer convert`"


def load(
    path: str | Path,
    device: str | torch.device = "cpu",
    precision: str = "float32",
    network: str = "G_ema",
) -> Network:
    """A network from a .pkl or .safetensors file, ready to run.

    Args:
        path: a published pickle, or a file that `save` wrote.
        device: where its weights go.
        precision: "float32", "bfloat16", "float16" or "auto"; see `Network.set_precision`.
        network: which network of a pickle: "G_ema", the averaged one, or "G". A file that holds
            only "G", as those of Canvas do, gives that one.

    Raises:
        LoadError: the file cannot be loaded; the message is one line for the performer.
        ValueError: `precision` or `network` is not one of the above.
    """
    path = Path(path)
    if network not in NETWORK_KEYS:
        raise ValueError(f"no network {network!r}; there are {' and '.join(NETWORK_KEYS)}")
    loaded = _stored(path, network).to(device)
    loaded.set_precision(precision)
    return loaded


def save(
    network: Network,
    path: str | Path,
    source: str = "unknown",
    *,
    half: bool = False,
    recipe: dict[str, Any] | None = None,
) -> None:
    """Writes a network as safetensors, whole or not at all.

    `source` tells in the file where the weights came from, and `recipe` how they were trained.
    `half` stores the weights in float16, half as large; statistics and filters stay float32.

    Raises:
        ValueError: `path` does not end in .safetensors.
        OSError: it cannot be written; what was there before is still there.
    """
    path = Path(path)
    if path.suffix.lower() != ".safetensors":
        raise ValueError(f"{path} does not end in .safetensors, so it could not be loaded again")
    facts = {
        "format": FORMAT,
        "config": config.to_dict(network.config),
        "source": source,
        "licence": "The weights stay under the licence of their source.",
    }
    if recipe is not None:
        facts["recipe"] = recipe
    weights = dict(network.named_parameters()) if half else {}
    tensors = {
        name: (tensor.half() if name in weights else tensor).cpu().clone()
        for name, tensor in network.state_dict().items()
    }
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(serialised(tensors, {METADATA_KEY: json.dumps(facts)}))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def convert(source: str | Path, target: str | Path, network: str = "G_ema") -> None:
    """Writes the network of a published pickle as safetensors, with bit-identical weights.

    Raises:
        LoadError: `source` cannot be loaded.
        ValueError: `target` does not end in .safetensors.
        OSError: `target` cannot be written.
    """
    loaded = load(source, network=network)
    with Path(source).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    save(loaded, target, source=f"{Path(source).name}, sha256 {digest}")


def _stored(path: Path, key: str) -> Network:
    suffix = path.suffix.lower()
    if suffix == ".pkl":
        node = _picked(path, key)
        with _naming(path):
            return networks.build(node)
    if suffix == ".safetensors":
        values, tensors = _read_safetensors(path)
        with _naming(path):
            return _assembled(values, tensors)
    raise LoadError(f"{path}: is neither .pkl nor .safetensors; name a network file")


def _assembled(values: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Network:
    network = networks.assemble(values, tensors)
    if left_over := tensors.keys() - network.state_dict().keys():
        raise LoadError(f"its configuration has no place for {min(left_over)[:80]!r}; {MEND}")
    return network


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Puts the file's name before the message of what goes wrong in building a network."""
    try:
        yield
    except LoadError as error:
        raise LoadError(f"{path}: {error}") from None


def _picked(path: Path, key: str) -> Node:
    nodes = pickles.read(path)
    node = nodes[key] or nodes["G"]
    if node is None:
        held = " and ".join(name for name, value in nodes.items() if value is not None)
        raise LoadError(f"{path}: holds no network {key}, only {held}; choose another file")
    return node


def _read_safetensors(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    checked_size(path)
    try:
        _check_header(path)
        with safe_open(path, framework="pt") as file:
            values = _configuration(path, file.metadata() or {})
            # Cloned, since the file may be replaced while the network plays.
            return values, {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise unreadable(path, error) from None
    except SafetensorError as error:
        raise LoadError(f"{path}: is damaged ({str(error)[:80]!r}); {MEND}") from None


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
    if header_bytes > LONGEST_HEADER:
        raise LoadError(f"{path}: is not a safetensors file of a network; {MEND}")


def _configuration(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    if METADATA_KEY not in metadata:
        raise LoadError(f"{path}: was not written by performer; {MEND}")
    try:
        facts = json.loads(metadata[METADATA_KEY])
    except (ValueError, RecursionError):
        raise LoadError(f"{path}: its description is not JSON; {MEND}") from None
    match facts:
        case {"format": int(number), "config": dict(values)} if number == FORMAT:
            return values
        case {"format": int(number)} if number > FORMAT:
            raise LoadError(f"{path}: has the newer format {number}; update performer")
    raise LoadError(f"{path}: its description is incomplete; {MEND}")
