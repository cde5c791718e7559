"""A graphics card, as far as frames that are replayed there need it."""

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import NamedTuple

import torch

from cuda_driver.interop import Lender
from cuda_driver.library import Context, Driver, DriverError
from cuda_ops.cuda.graphs import Api, Graphs
from cuda_ops.cuda.transfers import Download, Pinning, Sheet, Upload
from performer import pictures
from performer.console import warn

Lend = Callable[[torch.Tensor, int], bytes]
Convert = Callable[[torch.Tensor], torch.Tensor]


class Painted(NamedTuple):
    """A picture [1, 3, H, W], and the same as a frame's bytes [H, W, 4], RGBA."""

    picture: torch.Tensor
    frame: torch.Tensor


class GraphicsCard:
    """What all scenes share of a card.

    Args:
        graphs: captures and replays.
        pinning: memory that the card reads and writes by itself.
        beside: where captures are made, one at a time and always on the same thread.
        convert: from a picture to the bytes of a frame, on the card.
        tell: is given a line where something is played without a graph.
        lend: copies the bytes of a frame to where other processes find them on the card, one place
            for each slot of the ring, and returns that place. Errors: `DriverError`.

    Attributes:
        turn: whoever does much else with the card holds it; captures wait.
    """

    def __init__(
        self,
        device: torch.device,
        graphs: Api,
        pinning: Pinning,
        beside: Executor,
        convert: Convert = pictures.packed,
        tell: Callable[[str], None] = warn,
        lend: Lend | None = None,
    ) -> None:
        self.device = device
        self.turn = threading.Lock()
        self._api = graphs
        self._pinning = pinning
        self._beside = beside
        self._convert = convert
        self._tell = tell
        self._lend = lend
        self._painted: Painted | None = None

    @classmethod
    def current(cls) -> "GraphicsCard":
        """The one that torch plays on."""
        from cuda_ops.cuda.torch_graphs import TorchGraphs
        from cuda_ops.cuda.transfers import TorchPinning

        device = torch.device("cuda", torch.cuda.current_device())
        beside = ThreadPoolExecutor(1, "graphs")
        lend = lending(device)
        return cls(device, TorchGraphs(device), TorchPinning(device), beside, converted, lend=lend)

    def graphs(self) -> Graphs[Painted]:
        """Those of one scene."""
        return Graphs(self._api, self._say, self._beside, self.turn)

    def when_idle(self, task: Callable[[], None]) -> None:
        """Do it where captures are made, after the one that is being made."""
        self._beside.submit(task)

    def _say(self, line: str) -> None:
        self._tell(f"render: {line}")

    def upload(self, shape: tuple[int, ...]) -> Upload:
        """For bytes of this shape."""
        return Upload(shape, self._pinning, self.device)

    def sheet(self, shapes: dict[str, tuple[int, ...]]) -> Sheet:
        """For the numbers of a frame."""
        return Sheet(shapes, self._pinning, self.device)

    def download(self) -> Download:
        """For frames, into the ring that outputs read."""
        return Download(self._pinning, self._say)

    def lend(self, frame: torch.Tensor, slot: int) -> bytes:
        """Begin to copy the bytes of a frame to where other processes find them on this card.

        Returns the place that belongs to the slot; empty where that cannot be, which is said once.
        """
        if self._lend is None:
            return b""
        try:
            return self._lend(frame, slot)
        except DriverError as error:
            self._lend = None
            self._say(f"windows get frames through memory; {error}")
            return b""

    def painted(self, picture: torch.Tensor) -> Painted:
        """A picture and its bytes, converted now."""
        return Painted(picture, self._convert(picture))

    def keep(self, painted: Painted) -> torch.Tensor:
        """Know the bytes of the picture that was painted last; the picture."""
        self._painted = painted
        return painted.picture

    def frame_of(self, picture: torch.Tensor) -> torch.Tensor:
        """The bytes of a picture, [H, W, 4]; those that are there already, if nothing was done to
        it since."""
        painted = self._painted
        if painted is None or painted.picture is not picture:
            return self._convert(picture)
        return painted.frame


def converted(picture: torch.Tensor) -> torch.Tensor:
    """The bytes [H, W, 4] of a picture, by the kernel for that where it is loaded."""
    from cuda_ops.cuda import operators

    frame = operators.rgba(picture)
    return pictures.packed(picture) if frame is None else frame


def lending(device: torch.device) -> Lend:
    """What lends frames that lie on this device, once one is wanted. It may raise `DriverError`."""

    @functools.cache
    def lender() -> Lender:
        driver = Driver.find()
        return Lender(Context(driver, driver.device(device.index)))

    def lend(frame: torch.Tensor, slot: int) -> bytes:
        frame = frame.contiguous()
        stream = torch.cuda.current_stream(device).cuda_stream
        return lender()(slot, frame.data_ptr(), frame.numel(), stream)

    return lend
