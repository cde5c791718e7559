"""A card that several processes share, and is none."""

import ctypes
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cuda_driver.interop import Lender
from cuda_driver.library import Context, Driver
from cuda_ops.toolchain import find_compiler
from performer.doors.frames import Pixels

STREAM = 0x7FAA00001234


class Asked(ctypes.Structure):
    """What a process has asked of the card."""

    _fields_ = [
        ("opened", ctypes.c_int),
        ("closed", ctypes.c_int),
        ("registered", ctypes.c_int),
        ("unregistered", ctypes.c_int),
        ("is_mapped", ctypes.c_int),
        ("copies", ctypes.c_int),
        ("waits", ctypes.c_int),
        ("stream", ctypes.c_uint64),
    ]

    @classmethod
    def of(cls, library: ctypes.CDLL) -> "Asked":
        return cls.in_dll(library, "asked")


@dataclass(frozen=True)
class Card:
    """``memory`` is the folder where what was lent lies."""

    library: Path
    memory: Path

    @classmethod
    def build(cls, folder: Path) -> "Card":
        """Errors: BuildError without a compiler."""
        source = Path(__file__).with_name("pretend_card.cpp")
        library = folder / "libcuda.so.1"
        command = [*find_compiler().command, "-std=c++17", "-shared", "-fPIC", str(source)]
        subprocess.run([*command, "-o", str(library), "-ldl"], check=True)
        return cls(library, folder)

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that is to find this card."""
        found = f"{self.library.parent}:{os.environ.get('LD_LIBRARY_PATH', '')}"
        return {"LD_LIBRARY_PATH": found, "CARD_FOLDER": str(self.memory), "CARD": "one"}

    def driver(self) -> Driver:
        return Driver(ctypes.CDLL(str(self.library)))

    def lender(self) -> Lender:
        driver = self.driver()
        return Lender(Context(driver, driver.device(0)))


def lend(lender: Lender, slot: int, pixels: Pixels) -> bytes:
    """Lend pixels that are taken to lie on the card."""
    return lender(slot, pixels.ctypes.data, pixels.nbytes, STREAM)
