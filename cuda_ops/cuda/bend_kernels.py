"""The kernels that bend maps: loaded all at once, and never while a frame waits."""

from __future__ import annotations

from ctypes import Structure

from cuda_ops.cuda import device as devices
from cuda_ops.cuda import recording
from cuda_ops.cuda.engine import Engine, Kernel, Launch
from cuda_ops.cuda.kinds import Kind
from cuda_ops.cuda.maps import variant

KERNELS = {
    "point_bend_kernel": "bend_point",
    "permute_bend_kernel": "bend_point",
    "keep_kernel": "bend_point",
    "places_kernel": "bend_resample",
    "resample_bend_kernel": "bend_resample",
    "extreme_down_kernel": "bend_extreme",
    "extreme_across_kernel": "bend_extreme",
    "taps_kernel": "bend_smooth",
    "smooth_down_kernel": "bend_smooth",
    "smooth_across_kernel": "bend_smooth",
    "rows_kernel": "bend_moments",
    "moments_kernel": "bend_moments",
}
"""The source of each."""


class BendKernels:
    """Those for maps of one kind."""

    def __init__(self, engine: Engine, kind: Kind) -> None:
        self._engine, self._kind = engine, kind
        self._loaded: dict[str, Kernel] = {}
        self._is_broken = False

    def are_ready(self) -> bool:
        """Whether they are loaded. Those that are not are being loaded beside the caller, unless
        this thread waits for them; where one cannot be, none is ever ready."""
        if not self._loaded and not self._is_broken:
            try:
                self._loaded = self._found()
            except Exception as error:  # the show goes on in torch, and doctor says why
                devices.tell_failure(f"{type(error).__name__}: {error}")
                self._is_broken = True
        return bool(self._loaded)

    def __call__(self, name: str, launch: Launch, parameters: Structure) -> None:
        """Run one, which is ready."""
        self._loaded[name](launch, parameters)

    def _found(self) -> dict[str, Kernel]:
        """All of them, or none."""
        find = self._engine.load if recording.waits() else self._engine.ready
        found = {name: find(variant(name, self._kind, file)) for name, file in KERNELS.items()}
        loaded = {name: kernel for name, kernel in found.items() if kernel is not None}
        return loaded if len(loaded) == len(found) else {}
