"""What works on this machine, and for what does not the one command that mends it."""

import contextlib
import platform
from collections.abc import Iterator

from performer import __version__, registry
from performer.errors import PerformerError

_GROUPS = ("sources", "outputs", "controllers")


def lines() -> Iterator[str]:
    """One line for the machine, the device, its precision, the operators, and each part."""
    yield f"performer {__version__}, Python {platform.python_version()}, {platform.platform()}"
    yield _device()
    yield _auto_precision()
    yield _operators()
    yield from _graphs()
    yield from _windows()
    for group in _GROUPS:
        for kind in registry.kinds(group):
            yield f"{group.removesuffix('s')} {kind}: {_diagnosis(group, kind)}"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"device: {torch.cuda.get_device_name()}, torch {torch.__version__}"
    return f"device: the processor, {torch.get_num_threads()} threads, torch {torch.__version__}"


def _auto_precision() -> str:
    from performer import model_report

    return f"precision auto: {model_report.auto_rule()}"


def _operators() -> str:
    import torch

    import cuda_ops

    return f"operators: {cuda_ops.path('cuda' if torch.cuda.is_available() else 'cpu')}"


def _graphs() -> Iterator[str]:
    """On a graphics card, which parts keep frames from being replayed there as one graph."""
    import torch

    if not torch.cuda.is_available():
        return
    yield "graphs: a frame is replayed as one CUDA graph, captured beside the show"
    for group in ("conditions", "post"):
        for kind in registry.kinds(group):
            if not hasattr(registry.part(group, kind), "follow"):
                yield f"graphs: none while a knob of {kind} moves, which reads it as a number"
    for kind in registry.kinds("bends"):
        if getattr(registry.part("bends", kind), "needs_host", False):
            yield f"graphs: none while the bend {kind} plays, which works on the host"


def _windows() -> Iterator[str]:
    """On a graphics card, which way its frames come into windows."""
    import torch

    from performer.outputs.window import Window

    if torch.cuda.is_available():
        with contextlib.suppress(PerformerError):  # no window at all, which is said below
            yield f"windows: {Window.way()}"


def _diagnosis(group: str, kind: str) -> str:
    try:
        line: str = registry.part(group, kind).diagnose() or "works"
        return line.removeprefix(f"{kind}: ")
    except PerformerError as error:
        return str(error)
