"""What callers may rely on with every network, whatever its family."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import cuda_ops
import model
from model.config import from_dict, to_dict
from model.network import Network

PICKLES = Path(__file__).parents[1] / "golden" / "pickles"
FILES = {path.stem.split("__")[0]: path for path in sorted(PICKLES.rglob("*.pkl"))}


@pytest.fixture(scope="module", params=FILES)
def network(request: pytest.FixtureRequest) -> Network:
    return model.load(FILES[request.param])


def inputs(network: Network, samples: int = 1) -> dict[str, Any]:
    """z, and c and a condition where the network wants them."""
    random = torch.Generator().manual_seed(3)
    config = network.config
    given: dict[str, Any] = {"z": torch.randn(samples, config.z_dim, generator=random)}
    if config.c_dim:
        given["c"] = torch.rand(samples, config.c_dim, generator=random)
    if "condition" in config.capabilities:
        width, height = config.encoder.size
        given["condition"] = torch.rand(samples, 3, height, width, generator=random) * 2 - 1
    return given


def close(ours: Tensor, theirs: Tensor) -> bool:
    return torch.allclose(ours, theirs, rtol=0, atol=1e-4 * float(theirs.abs().max()))


def test_a_picture_is_float32_and_as_large_as_the_config_says(network: Network) -> None:
    side = network.config.resolution
    image = network.generate(**inputs(network, 2))
    assert image.shape == (2, 3, side, side)
    assert image.dtype == torch.float32


def test_generate_is_mapping_encoder_and_synthesis(network: Network) -> None:
    given = inputs(network)
    condition = given.pop("condition", None)
    w = network.mapping(**given)
    assert w.shape == (1, network.config.num_ws, network.config.w_dim)
    code = None if condition is None else network.encoder(condition)
    expected = network.generate(**inputs(network))
    assert torch.equal(network.synthesis(w, code), expected)


def test_the_config_is_frozen_and_survives_json(network: Network) -> None:
    with pytest.raises(FrozenInstanceError):
        network.config.resolution = 8  # type: ignore[misc]
    assert from_dict(json.loads(json.dumps(to_dict(network.config)))) == network.config


def test_layers_rates_and_widths_describe_the_feature_maps(network: Network) -> None:
    config = network.config
    _, features = network.generate(**inputs(network), features=config.layers)
    assert list(features) == list(config.layers)
    assert [maps.shape[1] for maps in features.values()] == list(config.widths)
    assert len(config.rates) == len(config.layers)
    assert config.rates[-1] == config.resolution


def test_a_bend_reaches_the_picture_and_its_layer_is_seen_bent(network: Network) -> None:
    name = network.config.layers[2]
    seen: list[Tensor] = []

    def negative(features: Tensor) -> Tensor:
        seen.append(features)
        return -features

    plain = network.generate(**inputs(network))
    image, features = network.generate(**inputs(network), bends={name: negative}, features=[name])
    assert torch.equal(features[name], -seen[0])
    assert not close(image, plain)


def test_a_bend_that_changes_nothing_changes_nothing(network: Network) -> None:
    bends: dict[str, Callable[[Tensor], Tensor]] = {
        name: lambda x: x for name in network.config.layers
    }
    plain = network.generate(**inputs(network))
    assert torch.equal(network.generate(**inputs(network), bends=bends), plain)


def test_features_may_be_none_of_them(network: Network) -> None:
    image, features = network.generate(**inputs(network), features=[])
    assert features == {}
    assert torch.equal(image, network.generate(**inputs(network)))


def test_a_layer_that_is_not_there_is_named(network: Network) -> None:
    with pytest.raises(ValueError, match=r"no layer L99; there are .*, "):
        network.generate(**inputs(network), features=["L99"])
    with pytest.raises(ValueError, match="no layer L99"):
        network.generate(**inputs(network), bends={"L99": lambda x: x})


def test_a_bend_must_keep_the_shape(network: Network) -> None:
    name = network.config.layers[1]
    with pytest.raises(ValueError, match=f"the bend of {name} turns .* it must keep the shape"):
        network.generate(**inputs(network), bends={name: lambda x: x[:, :1]})


def test_truncation_moves_the_first_rows_towards_the_average(network: Network) -> None:
    given = inputs(network)
    given.pop("condition", None)
    full, half = network.mapping(**given), network.mapping(**given, psi=0.5, cutoff=3)
    average = network.mapping.w_avg
    torch.testing.assert_close(half[:, :3], (full[:, :3] + average) / 2)
    assert torch.equal(half[:, 3:], full[:, 3:])
    assert torch.equal(network.mapping(**given, psi=torch.tensor(0.5), cutoff=3), half)


def test_samples_do_not_depend_on_their_neighbours(network: Network) -> None:
    given = inputs(network, 3)
    together = network.generate(**given)
    alone = network.generate(**{name: value[1:2] for name, value in given.items()})
    assert close(together[1:2], alone)


def test_gradients_flow_and_leave_the_picture_the_same(network: Network) -> None:
    given = inputs(network)
    given["z"].requires_grad_(True)
    image = network.generate(**given)
    image.square().mean().backward()
    assert given["z"].grad.isfinite().all()
    assert given["z"].grad.abs().max() > 0
    with torch.inference_mode():
        assert close(network.generate(**inputs(network)), image)


@pytest.mark.parametrize(("precision", "error"), [("float16", 0.01), ("bfloat16", 0.05)])
def test_half_precision_is_close(network: Network, precision: str, error: float) -> None:
    halved = copy.deepcopy(network)
    halved.set_precision(precision)
    assert halved.precision == precision
    exact, image = (one.generate(**inputs(network, 8)) for one in (network, halved))
    assert image.dtype == torch.float32
    assert (image - exact).norm() / exact.norm() < error


def test_auto_is_exact_on_the_processor_without_native_kernels(network: Network) -> None:
    automatic = copy.deepcopy(network)
    automatic.set_precision("auto")
    with cuda_ops.choose("portable"):
        assert automatic.precision == "float32"


def test_another_precision_is_refused(network: Network) -> None:
    with pytest.raises(ValueError, match="no precision 'float8'; there are float32, bfloat16"):
        network.set_precision("float8")


def test_float64_is_possible_throughout(network: Network) -> None:
    exact = copy.deepcopy(network).double().generate(**inputs(network))
    assert exact.dtype == torch.float64
    assert close(network.generate(**inputs(network)).double(), exact)


def test_a_changed_weight_is_seen(network: Network) -> None:
    changed = copy.deepcopy(network)
    before = changed.generate(**inputs(network))
    with torch.no_grad():
        for parameter in changed.synthesis.parameters():
            parameter.mul_(1.1)
    assert not close(changed.generate(**inputs(network)), before)


def test_a_class_is_needed_where_the_network_knows_classes(network: Network) -> None:
    given = inputs(network)
    if network.config.c_dim:
        given.pop("c")
        match = rf"needs classes c \[N, {network.config.c_dim}\], not none"
    else:
        given["c"] = torch.ones(1, 4)
        match = "knows no classes"
    with pytest.raises(ValueError, match=match):
        network.generate(**given)


def test_an_option_that_the_family_lacks_is_refused(network: Network) -> None:
    config = network.config
    options = {
        "transform": torch.eye(3),
        "noise": "none",
        "condition": torch.zeros(1, 3, 64, 64),
        "size": (config.resolution, config.resolution),
    }
    for option, value in options.items():
        given = inputs(network) | {option: value}
        if option in config.capabilities:
            network.generate(**given)
        else:
            with pytest.raises(ValueError, match=f"{config.family} network has no {option}"):
                network.generate(**given)


def test_wrong_shapes_are_refused(network: Network) -> None:
    config = network.config
    with pytest.raises(ValueError, match=rf"z is \[N, {config.z_dim}\], not \[1, 3\]"):
        network.mapping(torch.zeros(1, 3))
    code = network.encoder(inputs(network)["condition"]) if network.encoder else None
    with pytest.raises(ValueError, match=rf"w is \[N, {config.num_ws}, {config.w_dim}\]"):
        network.synthesis(torch.zeros(1, 2, config.w_dim), code)


def test_importing_the_package_loads_no_torch() -> None:
    code = "import model, model.bends, sys; assert not {'torch', 'numpy'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'laod'"):
        model.laod  # noqa: B018


def test_every_promised_name_is_there() -> None:
    assert all(getattr(model, name) is not None for name in model.__all__)
    assert set(model.__all__) <= set(dir(model))
