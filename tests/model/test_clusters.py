"""Clusters: alike channels together, the same labels each time, and nothing but data in files."""

from pathlib import Path

import numpy as np
import pytest
import torch

import model
from model import clusters, tensor_files
from model.clusters import Clusters
from model.clusters.grouping import grouped, matched, ordered
from model.clusters.naming import TRAITS, names, seen
from model.clusters.responses import listen, pooled
from model.clusters.store import KEY
from model.latent import seed_vector


def families(groups: int, each: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Channels that follow one of some patterns, shuffled, at any strength; and which one."""
    random = np.random.default_rng(3)
    patterns = np.abs(random.standard_normal((groups, 600)))
    truth = random.permutation(np.repeat(np.arange(groups), each))
    strengths = random.uniform(0.1, 9, (len(truth), 1))
    noisy = patterns[truth] + noise * random.standard_normal((len(truth), 600))
    return strengths * noisy, truth


@pytest.mark.parametrize("groups", [2, 5, 16])
def test_channels_that_respond_alike_are_together(groups: int) -> None:
    responses, truth = families(groups, 7)
    (labels,) = grouped(responses, np.linalg.norm(responses, axis=1), [groups])
    pairs = {(label, which) for label, which in zip(labels, truth, strict=True)}
    assert len(pairs) == groups  # one to one


def test_labels_are_the_same_again_and_follow_the_channels_when_those_are_shuffled() -> None:
    responses, _ = families(6, 9)
    energy = np.linalg.norm(responses, axis=1)
    first = grouped(responses, energy, [2, 6, 9])
    assert np.array_equal(grouped(responses.copy(), energy.copy(), [2, 6, 9]), first)
    order = np.random.default_rng(1).permutation(len(responses))
    (again,) = grouped(responses[order], energy[order], [6])
    assert np.array_equal(again, first[1][order])


def test_the_group_with_most_energy_is_first() -> None:
    labels = ordered(np.array([7, 7, 1, 1, 1, 4]), np.array([1.0, 1, 9, 9, 9, 5]))
    assert labels.tolist() == [2, 2, 0, 0, 0, 1]


def test_more_groups_than_channels_leaves_the_last_ones_empty() -> None:
    responses, _ = families(3, 1)
    (labels,) = grouped(responses, np.array([1.0, 3.0, 2.0]), [16])
    assert labels.tolist() == [2, 0, 1]
    assert grouped(np.zeros((4, 5)), np.zeros(4), [2]).tolist() == [[0, 0, 0, 0]]


def test_groups_found_again_keep_their_numbers() -> None:
    former = np.array([0, 0, 0, 1, 1, 2, 2, 2], np.uint8)
    now = np.array([2, 2, 2, 0, 0, 1, 1, 0], np.uint8)
    assert matched(now, former, 3).tolist() == [0, 0, 0, 1, 1, 2, 2, 1]


def test_pooled_leaves_margins_out_and_counts_strength() -> None:
    features = torch.zeros(1, 2, 24, 24)
    features[0, 0, :4] = 100  # a margin
    features[0, 1, 4:12, 4:20] = -3
    cells = pooled(features, (16, 16)).reshape(2, 16, 16)
    assert not cells[0].any()
    assert (cells[1, :8] == 3).all()
    assert not cells[1, 8:].any()


def test_names_say_what_correlates_and_no_more() -> None:
    traits = np.zeros((5, len(TRAITS)))
    traits[0, 0], traits[0, 4] = 0.9, 0.5
    traits[1, 4] = traits[2, 4] = -0.8
    traits[3, 2] = 0.1
    found = names(np.array([0, 1, 2, 3, 3], np.uint8), traits, 5)
    assert found == ("bright top", "bottom", "bottom (2)", "mixed", "empty")


def test_what_is_painted_where_is_told_from_the_picture() -> None:
    image = torch.full((3, 64, 64), -1.0)
    image[2, :32] = 1.0  # blue above
    cells = dict(zip(TRAITS, seen(image, 16).reshape(-1, 16, 16), strict=True))
    assert (cells["brightness"][:8] > cells["brightness"][8:]).all()
    assert (cells["blueness"][:8] == 2).all()
    assert cells["contours"][7].min() > 0
    assert not cells["contours"][:7].any()
    assert cells["height"][0, 0] > 0 > cells["height"][-1, 0]
    assert cells["side"][0, -1] > 0 > cells["side"][0, 0]


@pytest.fixture(scope="module")
def network() -> model.Network:
    return model.untrained(3, resolution=32, channel_max=24)


@pytest.fixture(scope="module")
def found(network: model.Network) -> Clusters:
    return _clusters(network)


def _clusters(network: model.Network) -> Clusters:
    random = torch.Generator().manual_seed(5)
    conditions = [torch.rand(1, 3, 32, 32, generator=random) * 2 - 1 for _ in range(3)]
    *_, responses = listen(network, conditions)
    return Clusters(dict(responses.clusters([2, 3, 6])), [2, 3, 6])


def test_clusters_of_a_network_are_the_same_when_made_again(
    network: model.Network, found: Clusters
) -> None:
    again = _clusters(network)
    for layer, channels in zip(network.config.layers, network.config.widths, strict=True):
        labels = found.labels(layer, 6)
        assert labels.shape == (channels,)
        assert torch.equal(labels, again.labels(layer, 6))
        masks = torch.stack([found.mask(layer, 6, index) for index in range(6)])
        assert masks.dtype == torch.bool
        assert (masks.sum(0) == 1).all()  # each channel in one group
        energies = [float(found.layers[layer].energy[mask].sum()) for mask in masks]
        assert energies == sorted(energies, reverse=True)


def test_listening_changes_nothing_and_hears_all_layers(network: model.Network) -> None:
    condition = torch.zeros(1, 3, 32, 32)
    with torch.inference_mode():
        plain = network.generate(_z(network), condition=condition)
    heard = next(iter(listen(network, [condition])))
    assert set(heard.maps) == set(network.config.layers)
    assert torch.equal(heard.painted[0][0].mean(), seen(plain[0], 16)[0].mean())


def _z(network: model.Network) -> torch.Tensor:
    return torch.from_numpy(seed_vector(0, network.config.z_dim)[None]).float()


def test_a_file_brings_back_what_was_saved(
    network: model.Network, found: Clusters, tmp_path: Path
) -> None:
    path = clusters.beside(tmp_path / "landscapes.pkl")
    assert path.name == "landscapes.clusters.safetensors"
    clusters.save(found, path)
    again = clusters.load(path, network.config)
    for layer in network.config.layers:
        assert torch.equal(again.mask(layer, 3, 1), found.mask(layer, 3, 1))
        assert again.names(layer, 3) == found.names(layer, 3)
        assert np.array_equal(again.thumbnail(layer, 3, 0), found.thumbnail(layer, 3, 0))
    assert found.thumbnail("input", 2, 0).shape == (16, 16)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("layer", "k", "index", "says"),
    [
        ("L99", 3, 0, "no clusters of L99; there are those of input, "),
        ("input", 4, 0, "no 4 clusters; k is 2 … 6"),
        ("input", 3, 3, r"no cluster 3 of 3; there are 0 … 2"),
    ],
)
def test_what_there_is_not_is_said(
    found: Clusters, layer: str, k: int, index: int, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        found.mask(layer, k, index)


def test_clusters_of_another_network_are_refused(found: Clusters, tmp_path: Path) -> None:
    path = tmp_path / "a.clusters.safetensors"
    clusters.save(found, path)
    other = model.untrained(3, resolution=32, channel_max=20)
    with pytest.raises(
        model.LoadError, match=r"a\.clusters.*groups 24 channels of .* 20 here; make"
    ):
        clusters.load(path, other.config)
    other = model.untrained(3, resolution=64, channel_max=24)
    with pytest.raises(model.LoadError, match="which this network has not; make it anew"):
        clusters.load(path, other.config)


@pytest.mark.parametrize("damage", ["label", "shape", "missing", "traits", "k", "nan"])
def test_a_damaged_file_is_one_line(found: Clusters, damage: str, tmp_path: Path) -> None:
    path = tmp_path / "a.clusters.safetensors"
    clusters.save(found, path)
    facts, tensors = tensor_files.read(path, KEY, "")
    if damage == "label":
        tensors["input/labels"][0, 0] = 2
    if damage == "shape":
        tensors["input/maps"] = tensors["input/maps"][:-1]
    if damage == "missing":
        del tensors["input/energy"]
    if damage == "nan":
        tensors["input/energy"][0] = torch.nan
    if damage == "traits":
        facts["traits"] = ["charm"]
    if damage == "k":
        facts["ks"] = [2, 3, True]
    tensor_files.write(path, KEY, facts, tensors)
    with pytest.raises(
        model.LoadError, match=r"a\.clusters\.safetensors: .*; make it anew"
    ) as error:
        clusters.load(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_file_of_something_else_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.clusters.safetensors"
    path.write_bytes(content)
    with pytest.raises(model.LoadError, match=r"a\.clusters\.safetensors: "):
        clusters.load(path)
    with pytest.raises(model.LoadError, match="cannot be read"):
        clusters.load(tmp_path / "nowhere.safetensors")
    with pytest.raises(ValueError, match="does not end in"):
        clusters.save(Clusters({}, []), tmp_path / "a.txt")
