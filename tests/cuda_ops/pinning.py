"""Pinned memory that is ordinary, and events that are only written down."""

import torch
from torch import Tensor


class _Event:
    def __init__(self, log: list[str], name: str) -> None:
        self._log = log
        self._name = name

    def record(self) -> None:
        self._log.append(f"record {self._name}")

    def synchronize(self) -> None:
        self._log.append(f"wait {self._name}")


class WrittenDown:
    def __init__(self, *, registers: bool = True) -> None:
        self.log: list[str] = []
        self._registers = registers
        self._events = 0
        self.registered: list[tuple[int, int]] = []

    def pinned(self, shape: tuple[int, ...]) -> Tensor:
        self.log.append(f"pin {shape}")
        return torch.zeros(shape, dtype=torch.uint8)

    def event(self) -> _Event:
        self._events += 1
        return _Event(self.log, "ab"[self._events % 2 - 1])

    def register(self, address: int, count: int) -> bool:
        self.registered.append((address, count))
        return self._registers

    def unregister(self, address: int) -> None:
        self.log.append("unregister")
