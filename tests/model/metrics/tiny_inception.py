"""Inception-v3 made up small, with the names of its published weights."""

import numpy as np


class MadeUp:
    """Writes Inception with few channels: what runs through tells how many a layer needs."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)
        self.arrays: dict[str, np.ndarray] = {}

    def convolution(self, name: str, given: int, taken: int, *kernel: int) -> int:
        shape = (taken, given, *kernel)
        gain = np.sqrt(2 / np.prod(shape[1:]))
        self.arrays[f"{name}.conv.weight"] = (self.random.normal(size=shape) * gain).astype("f4")
        for part, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            self.arrays[f"{name}.bn.{part}"] = np.full(taken, value, "f4")
        return taken

    def chain(self, block: str, given: int, *layers: tuple[str, int, int]) -> int:
        for name, *kernel in layers:
            given = self.convolution(f"{block}.{name}", given, 2, *kernel)
        return given


ONE, THREE, ROW, COLUMN = (1, 1), (3, 3), (1, 7), (7, 1)
DOUBLE = (("branch3x3dbl_1", *ONE), ("branch3x3dbl_2", *THREE), ("branch3x3dbl_3", *THREE))
SEVENS = [ONE, COLUMN, ROW, COLUMN, ROW]


def made_up() -> dict[str, np.ndarray]:
    net = MadeUp()
    given = 3
    for name, kernel in {
        "Conv2d_1a_3x3": 3, "Conv2d_2a_3x3": 3, "Conv2d_2b_3x3": 3, "Conv2d_3b_1x1": 1, "Conv2d_4a_3x3": 3,
    }.items():  # fmt: skip
        given = net.convolution(name, given, 4, kernel, kernel)
    for block in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        net.chain(block, given, ("branch1x1", *ONE))
        net.chain(block, given, ("branch5x5_1", *ONE), ("branch5x5_2", 5, 5))
        net.chain(block, given, *DOUBLE)
        net.chain(block, given, ("branch_pool", *ONE))
        given = 8
    net.chain("Mixed_6a", given, ("branch3x3", *THREE))
    net.chain("Mixed_6a", given, *DOUBLE)
    given += 4
    for block in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        net.chain(block, given, ("branch1x1", *ONE))
        net.chain(
            block, given, ("branch7x7_1", *ONE), ("branch7x7_2", *ROW), ("branch7x7_3", *COLUMN)
        )
        net.chain(block, given, *((f"branch7x7dbl_{n}", *k) for n, k in enumerate(SEVENS, 1)))
        net.chain(block, given, ("branch_pool", *ONE))
        given = 8
    net.chain("Mixed_7a", given, ("branch3x3_1", *ONE), ("branch3x3_2", *THREE))
    sevens = zip(range(1, 5), (ONE, ROW, COLUMN, THREE), strict=True)
    net.chain("Mixed_7a", given, *((f"branch7x7x3_{n}", *k) for n, k in sevens))
    given += 4
    for block in ("Mixed_7b", "Mixed_7c"):
        net.chain(block, given, ("branch1x1", *ONE))
        net.chain(block, given, ("branch3x3_1", *ONE))
        net.chain(block, given, *DOUBLE[:2])
        for name in ("branch3x3_2", "branch3x3dbl_3"):
            net.chain(block, 2, (f"{name}a", 1, 3))
            net.chain(block, 2, (f"{name}b", 3, 1))
        net.chain(block, given, ("branch_pool", *ONE))
        given = 12
    return net.arrays
