"""Damages network files in many ways and gives them to the loader.

Every input must load or be refused with a LoadError, in bounded time and memory, and nothing in
it may run: many inputs carry a command that would leave a file behind.

    python -m benchmarks.fuzz --count 100000
"""

import argparse
import itertools
import pickle
import pickletools
import random
import resource
import struct
import sys
import tempfile
import time
import types
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import torch

from model.checkpoint import load
from model.errors import LoadError
from model.pickles import read

CANARY = Path(tempfile.gettempdir()) / "PICKLE_CODE_EXECUTED"
SLOWEST_SECONDS = 2.0
MOST_GROWTH_BYTES = 300 << 20
FIXTURES = Path(__file__).parents[1] / "tests" / "golden" / "pickles"
ONE_LARGE_IN = 200

Inputs = Iterator[tuple[str, bytes]]

TORCH_START = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
LONGEST_TORCH_HEADER = 420
EXTREMES = [0, 1, -1, 2**15, 2**31 - 1, -(2**31), 2**40, 2**63 - 1, -(2**63)]


# Small files, written as the original system writes its own


class Persistent:
    """Pickles like a network class of the original system."""

    def __init__(self, class_name: str, state: dict[str, object]) -> None:
        self.class_name = class_name
        self.state = state

    def __reduce__(self) -> tuple[object, ...]:
        meta = {
            "type": "class",
            "version": 6,
            "module_src": f"open({str(CANARY)!r}, 'a')",
            "class_name": self.class_name,
            "state": self.state,
        }
        return _reconstruct_persistent_obj, (meta,)


def _reconstruct_persistent_obj(meta: object) -> object:
    raise AssertionError("a network file was unpickled")


class EasyDict(dict[str, object]):
    """Pickles like the original system's dictionary."""


def pretend_to_be_original() -> None:
    """Makes pickle write our two names as those of the original system."""
    for module, thing in [
        ("torch_utils.persistence", _reconstruct_persistent_obj),
        ("dnnlib.util", EasyDict),
    ]:
        thing.__module__ = module
        for name in (module.split(".")[0], module):
            sys.modules.setdefault(name, types.ModuleType(name))
        setattr(sys.modules[module], thing.__name__, thing)


def state(
    parameters: dict[str, torch.Tensor], modules: dict[str, object], **attributes: object
) -> dict[str, object]:
    return {
        "training": False,
        "_parameters": OrderedDict((k, torch.nn.Parameter(v)) for k, v in parameters.items()),
        "_buffers": OrderedDict(up_filter=torch.ones(4), absent=None),
        "_non_persistent_buffers_set": {"up_filter"},
        "_forward_hooks": OrderedDict(),
        "_modules": OrderedDict(modules),
        **attributes,
    }


def small_file(protocol: int) -> bytes:
    """A file of about 10 kB that holds one of everything that network files use."""
    layer = Persistent(
        "SynthesisLayer",
        state(
            {"weight": torch.randn(3, 2, 3, 3), "bias": torch.zeros(3)},
            {"act": torch.nn.LeakyReLU(0.2)},
            in_size=np.array([36, 36]),
            cutoff=np.float64(2.5),
            device=torch.device("cuda"),
            mask_for_skip=torch.zeros(3, dtype=torch.bool),
            padding=[9, 8, 9, 8],
        ),
    )
    modules = {"L0": layer, "conv": torch.nn.Conv2d(2, 2, 1), "norm": torch.nn.BatchNorm2d(2)}
    network = Persistent("Generator", state({}, modules, z=torch.ones(1, 4).double(), c_dim=0))
    top = {"G": network, "D": None, "G_ema": network, "options": EasyDict(path="a", size=1106)}
    return pickle.dumps(top, protocol=protocol)


# Damage: each takes the dice, the file and all good files, and returns a changed file


def flip_bits(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    changed = bytearray(data)
    for _bit in range(dice.choice((1, 1, 2, 8, 64))):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def truncate(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    return data[: dice.randrange(len(data))]


def splice(dice: random.Random, data: bytes, good: list[bytes]) -> bytes:
    tail = dice.choice(good)
    return data[: dice.choice(boundaries(data))] + tail[dice.choice(boundaries(tail)) :]


def shuffle_instructions(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    pieces = instructions(data)
    for _step in range(dice.choice((1, 1, 2, 5))):
        at, other = dice.randrange(len(pieces)), dice.randrange(len(pieces))
        action = dice.randrange(4)
        if action == 0:
            del pieces[at]
        elif action == 1:
            pieces.insert(at, pieces[other])
        elif action == 2:
            pieces[at], pieces[other] = pieces[other], pieces[at]
        else:
            pieces[at] = dice.choice(pickletools.opcodes).code.encode("latin-1") + pieces[at][1:]
    return b"".join(pieces)


def damage_tensor(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    starts = occurrences(data, TORCH_START)
    changed = bytearray(data)
    start = dice.choice(starts)
    for _byte in range(dice.choice((1, 2, 8))):
        at = min(start + dice.randrange(LONGEST_TORCH_HEADER), len(changed) - 1)
        changed[at] = dice.randrange(256)
    return bytes(changed)


def put_extreme_number(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    number = struct.pack("<q", dice.choice(EXTREMES))[: dice.choice((2, 4, 8))]
    at = dice.randrange(len(data) - 8)
    return data[:at] + number + data[at + len(number) :]


def insert_call(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    at = dice.choice(boundaries(data)[1:])
    return data[:at] + dice.choice(CALLS) + data[at:]


def insert_call_in_tensor(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    at = dice.choice(occurrences(data, TORCH_START)) + 2
    call = dice.choice(CALLS)
    return data[:at] + call + data[at + len(call) :]


def rename(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    pieces = instructions(data)
    texts = [i for i, piece in enumerate(pieces) if piece[:1] in (b"\x8c", b"X", b"c")]
    first, second = (dice.choice(texts) for _ in range(2))
    pieces[first] = _text(dice.choice(["os", "posix", "builtins", "torch.serialization", "class"]))
    pieces[second] = _text(dice.choice(["system", "eval", "os.system", "__import__", "state"]))
    return b"".join(pieces)


def repeat_part(dice: random.Random, data: bytes, _: list[bytes]) -> bytes:
    edges = boundaries(data)
    start = dice.choice(edges)
    part = data[start : start + dice.randrange(1, 200)]
    return data[:start] + part * dice.choice((2, 10, 1000)) + data[start:]


def _text(value: str) -> bytes:
    return b"\x8c" + struct.pack("<B", len(value)) + value.encode()


def _call(module: str, name: str, argument: str) -> bytes:
    return b"c" + f"{module}\n{name}\n".encode() + b"(" + _text(argument) + b"tR"


CALLS = [
    _call("os", "system", f"touch {CANARY}"),
    _call("posix", "system", f"touch {CANARY}"),
    _call("builtins", "eval", f"open({str(CANARY)!r}, 'a')"),
    _call("torch.serialization", "os.system", f"touch {CANARY}"),
    _call("pathlib", "Path.touch", str(CANARY)),
]
MUTATIONS: list[Callable[[random.Random, bytes, list[bytes]], bytes]] = [
    flip_bits,
    truncate,
    splice,
    shuffle_instructions,
    damage_tensor,
    put_extreme_number,
    insert_call,
    insert_call_in_tensor,
    rename,
    repeat_part,
]


@cache
def boundaries(data: bytes) -> list[int]:
    """Where each instruction of a good file starts."""
    return [position for _, _, position in pickletools.genops(data)]


def instructions(data: bytes) -> list[bytes]:
    edges = [*boundaries(data), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@cache
def occurrences(data: bytes, part: bytes) -> list[int]:
    found, at = [], data.find(part)
    while at >= 0:
        found.append(at)
        at = data.find(part, at + 1)
    return found


# The run


def small_files() -> list[bytes]:
    pretend_to_be_original()
    return [small_file(protocol) for protocol in (3, 4, 5)]


def large_files() -> list[bytes]:
    """The three smallest published files that the tests carry: whole networks."""
    return sorted((path.read_bytes() for path in FIXTURES.glob("*.pkl")), key=len)[:3]


def attempt(path: Path, data: bytes) -> str:
    """Gives one input to the loader; anything but success and LoadError propagates."""
    path.write_bytes(data)
    try:
        read(path)
    except LoadError as error:
        return _refused(error)
    try:
        load(path)
    except LoadError as error:
        return f"read, {_refused(error)}"
    return "loaded"


def _refused(error: LoadError) -> str:
    assert len(str(error).splitlines()) == 1, f"not one line: {error!r}"
    return "refused"


def inputs(dice: random.Random, small: list[bytes], large: list[bytes]) -> Inputs:
    """Damaged files without end, with the name of the damage."""
    while True:
        use_large = large and dice.randrange(ONE_LARGE_IN) == 0
        data = dice.choice(large if use_large else small)
        mutation = dice.choice(MUTATIONS)
        yield mutation.__name__, mutation(dice, data, small)


def peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(damaged: Inputs, seconds: float, path: Path) -> Counter[str]:
    """Tries the inputs, or as many as fit in `seconds`, and returns how often each ended how.

    An input that breaks the loader's promise is left in `path`.
    """
    outcomes: Counter[str] = Counter()
    slowest, end = 0.0, time.monotonic() + seconds
    for name, data in damaged:
        start = time.monotonic()
        if start > end:
            break
        outcomes[f"{name} {attempt(path, data)}"] += 1
        slowest = max(slowest, time.monotonic() - start)
        assert slowest < SLOWEST_SECONDS, f"one input took {slowest:.1f} s"
        assert not CANARY.exists(), "something in a file was run"
    path.unlink(missing_ok=True)
    print(f"slowest input {slowest * 1000:.0f} ms")
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    CANARY.unlink(missing_ok=True)
    path = Path(tempfile.mkdtemp(prefix="fuzz-")) / "failing.pkl"
    small, large = small_files(), large_files()
    for data in large:  # also brings in everything that is imported late, before measuring
        assert attempt(path, data) == "loaded"
    before = peak_memory()
    damaged = inputs(random.Random(options.seed), small, large)
    outcomes = run(itertools.islice(damaged, options.count), options.seconds, path)
    path.parent.rmdir()
    growth = peak_memory() - before
    for outcome, times in sorted(outcomes.items()):
        print(f"{times:8d} {outcome}")
    print(f"{outcomes.total()} inputs, {growth >> 20} MiB more memory at the peak")
    assert growth < MOST_GROWTH_BYTES, "memory grew too much"


if __name__ == "__main__":
    main()
