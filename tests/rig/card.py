"""A graphics card that is none: its graphs are recorded on the processor, its pinned memory is
ordinary, and what runs beside the frames runs when the test says so."""

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import torch

from cuda_ops.cuda.graphs import Api
from performer.graphics_card import GraphicsCard
from tests.cuda_ops.emulation.recorded import RecordedGraph, RecordedGraphs
from tests.cuda_ops.hand_cranked import HandCranked
from tests.cuda_ops.pinning import WrittenDown


class Graphs(RecordedGraphs):
    """Graphs that may be told to fail."""

    fails: Exception | None = None

    def capture(self, work: Callable[[], Any]) -> RecordedGraph[Any]:
        if self.fails is not None:
            raise self.fails
        return super().capture(work)


class RiggedCard(GraphicsCard):
    """The card; ``said`` are the lines that it told."""

    def __init__(self, beside: Executor | None = None, api: Api | None = None) -> None:
        self.api = api or Graphs()
        self.pinning = WrittenDown()
        self.beside = beside or HandCranked()
        self.said: list[str] = []
        super().__init__(
            torch.device("cpu"), self.api, self.pinning, self.beside, tell=self.said.append
        )
