"""States: flat dictionaries of tensors, whose names say which part they belong to."""

from collections.abc import Mapping

from torch import Tensor


def merged(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """One dictionary of those of several parts."""
    return {f"{part}/{n}": t for part, tensors in parts.items() for n, t in tensors.items()}


def part_of(state: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """The tensors of one part, by their own names."""
    prefix = f"{part}/"
    return {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
