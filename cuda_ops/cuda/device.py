"""The devices of this machine, as engines for kernels; and the line that says what they play."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import NamedTuple

from cuda_driver.library import Driver, DriverError
from cuda_ops.cuda.driver import Device, cache_folder
from cuda_ops.cuda.images import Images
from cuda_ops.cuda.tuning import Choices
from cuda_ops.toolchain import BuildError

_SWITCH = "PERFORMER_KERNELS"
OLDEST = 75  # before it there were no tensor cores, and half precision was slow


class Found(NamedTuple):
    """A device or None, and the line that says what there is, or why there is nothing."""

    device: Device | None
    line: str


@lru_cache(maxsize=16)
def find(index: int = 0) -> Found:
    """The device that torch calls ``cuda:index``. Looks once; compiles nothing."""
    if os.environ.get(_SWITCH) == "off":
        return Found(None, f"{_SWITCH}=off; unset it")
    images = Images(cache_folder())
    try:
        device = Device(index, Driver.find(), images, Choices(cache_folder() / "choices.json"))
        if device.architecture < OLDEST:
            line = f"sm_{device.architecture} is older than sm_{OLDEST}; take a newer graphics card"
            return Found(None, line)
        return Found(device, images.origin(device.architecture))
    except (BuildError, DriverError) as error:
        return Found(None, str(error))


_failures: list[str] = []


def tell_failure(line: str) -> None:
    """Something that the kernels should have played did not get ready; `failure` says the first.

    Whoever asks in every frame may tell it as often: it is noted once.
    """
    plain = " ".join(line.split())
    if plain not in _failures:
        _failures.append(plain)


def failure() -> str | None:
    """Why something is played without the kernels, or None."""
    return _failures[0] if _failures else None
