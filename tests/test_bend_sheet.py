"""The contact sheet of bends: each alone, in any network."""

from pathlib import Path

import numpy as np

import model
from benchmarks.bend_examples import Example
from benchmarks.bend_sheet import LAYERS, network_of, sheet, tiles


def test_each_bend_plays_alone_in_the_network_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "small.safetensors"
    model.save(model.untrained(3, resolution=32), file)
    network, sees = network_of(str(file))
    assert sees
    known = {
        "add": Example({}, {"offset": 3}),
        "feedback": Example({}, {"amount": 0.9}),
        "multiply": Example({}, {"factor": 1}),  # which is nothing
    }
    rows = list(tiles(known, network))
    pixels = {kind: [np.asarray(tile) for tile in row] for kind, row in rows}
    assert [len(row) for row in pixels.values()] == [1, *[len(LAYERS)] * 3]
    (plain,) = pixels["no bend"]
    assert all((tile != plain).any() for tile in pixels["add"])
    assert all((tile == plain).all() for tile in pixels["multiply"])
    page = np.asarray(sheet(rows))
    assert page.std() > 10
