"""Networks as steps on a device, their kernels run on the processor, paint what float64 paints."""

import copy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import cuda_ops
from cuda_ops.cuda.bend_kernels import KERNELS
from cuda_ops.cuda.recording import patiently, recording, rehearsing
from model import networks, schedule
from model.bends.canvas_chain import canvas_chain
from model.bends.chain import Chain, places
from model.bends.playing import LayerBends
from model.device import programs
from model.device.programs import OnDevice
from model.device.steps import correlate
from model.device.stylegan3 import StyleGAN3Steps
from model.network import Network
from model.untrained_canvas import untrained_like
from performer.model_report import relative_error
from tests.cuda_ops.emulation.engine import Emulator
from tests.model import golden
from tests.model.bend_cases import part

pytestmark = pytest.mark.timeout(900)  # compiles, on a machine that may be busy

OWN = Path(__file__).parents[1] / "golden"
# Relative errors of pictures. Random weights amplify the roundings of half precision.
BOUNDS = {"float32": 1e-5, "float16": 1e-2, "bfloat16": 8e-2}


@pytest.fixture
def emulated(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks on the processor play as they would on a device."""
    monkeypatch.setattr(cuda_ops, "is_native", lambda: False)
    monkeypatch.setattr(
        OnDevice, "find", lambda self, part, size, *inputs: self.prepared(part, size, emulator)
    )


@pytest.fixture(scope="module")
def stylegan3() -> Callable[[str], Network]:
    """A small network of each variant, kept."""
    made: dict[str, Network] = {}

    def of(variant: str) -> Network:
        if variant not in made:
            torch.manual_seed(3)
            config = schedule.stylegan3(32, 512, 16, variant=variant)
            network = networks.from_config(config).eval().requires_grad_(False)
            for name, buffer in network.named_buffers():
                if name.endswith("magnitude_ema"):
                    buffer.fill_(torch.rand([]) + 0.5)
            made[variant] = network
        return made[variant]

    return of


@pytest.fixture(scope="module")
def canvas() -> Network:
    config = schedule.canvas(64, 1024, 24, condition_size=32, full_skip=True, equaliser_bands=8)
    return untrained_like(config, 5)


def _exact(network: Network, paint: Callable[[Network], Tensor]) -> Tensor:
    """What the reference operators paint in float64."""
    exact = copy.deepcopy(network)
    exact.set_precision("float32")
    exact.double()
    with torch.no_grad(), cuda_ops.choose("reference"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(OnDevice, "find", lambda *_: None)
        return paint(exact)


def _ws(network: Network, seed: int = 1) -> Tensor:
    torch.manual_seed(seed)
    return torch.randn(1, network.config.num_ws, network.config.w_dim)


def _like(x: Tensor, network: Network) -> Tensor:
    return x.to(next(network.parameters()).dtype)


@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize("precision", BOUNDS)
@pytest.mark.parametrize("variant", ["t", "r"])
def test_stylegan3_is_as_exact_as_its_precision(
    stylegan3: Callable[[str], Network], variant: str, precision: str
) -> None:
    network = stylegan3(variant)
    w = _ws(network)
    network.set_precision(precision)
    with torch.no_grad():
        painted = network.synthesis(w)
    exact = _exact(network, lambda exact: exact.synthesis(w.double()))
    assert relative_error([painted], [exact]) < BOUNDS[precision]


def test_cudnn_searches_only_where_that_disturbs_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[bool] = []
    monkeypatch.setattr(torch, "cudnn_convolution", lambda *given: searched.append(given[6]))
    x = SimpleNamespace(device=torch.device("cuda"))
    correlate(x, torch.zeros(1), 1)
    with rehearsing():
        correlate(x, torch.zeros(1), 1)
    with rehearsing(idle=lambda: True):
        correlate(x, torch.zeros(1), 1)
    with recording():
        correlate(x, torch.zeros(1), 1)
    assert searched == [False, False, True, False]


@pytest.mark.usefixtures("emulated")
def test_another_w_transform_and_size_are_followed(stylegan3: Callable[[str], Network]) -> None:
    network = stylegan3("t")
    network.set_precision("float32")
    cos, sin = np.cos(0.4), np.sin(0.4)
    turned = torch.tensor([[cos, sin, 0.1], [-sin, cos, 0], [0, 0, 1]], dtype=torch.float32)
    for seed, options in ((1, {}), (2, {}), (2, {"transform": turned}), (2, {"size": (32, 48)})):
        w = _ws(network, seed)
        with torch.no_grad():
            painted = network.synthesis(w, **options)
        given = {
            name: value.double() if isinstance(value, Tensor) else value
            for name, value in options.items()
        }
        exact = _exact(
            network, lambda exact, w=w, given=given: exact.synthesis(w.double(), **given)
        )
        assert relative_error([painted], [exact]) < BOUNDS["float32"]


@pytest.mark.usefixtures("emulated")
def test_every_layer_can_be_bent_and_looked_at(stylegan3: Callable[[str], Network]) -> None:
    network = stylegan3("r")
    network.set_precision("float32")
    w = _ws(network)
    names = network.config.layers
    bends = {
        names[0]: lambda x: x * 0.5,
        names[3]: lambda x: x.flip(3),
        names[-1]: lambda x: x + 0.1,
    }

    def paint(network: Network) -> tuple[Tensor, dict[str, Tensor]]:
        return network.synthesis(_like(w, network), bends=bends, features=names)

    with torch.no_grad():
        painted, features = paint(network)
        plain = network.synthesis(w)  # and nothing of it stays
    exact, exact_features = _exact(network, paint)
    assert relative_error([painted], [exact]) < BOUNDS["float32"]
    for name in names:
        assert relative_error([features[name]], [exact_features[name]]) < BOUNDS["float32"], name
    unbent = _exact(network, lambda exact: exact.synthesis(w.double()))
    assert relative_error([plain], [unbent]) < BOUNDS["float32"]


AMOUNTS = {
    "rotate": {"angle": 33.0},
    "erode": {"radius": 0.04},
    "threshold": {"amount": 0.5},
    "blur": {"sigma": 0.03},
    "swap": {"amount": 0.7},
    "adain": {"amount": 0.8},
    "displace": {"amount": 0.1},
    "canvas_chain": {"angle": 20.0, "dilation": 2},
}


def _scene(network: Network, **bends: Any) -> Chain:
    """Bends of a scene, as `AMOUNTS` has them play."""
    parts = {name: part(**settings) for name, settings in bends.items()}
    chain = Chain(parts, places(network.config, network))
    for placed in chain._placed:
        count = placed.place.channels
        placed.stored = {"mean": torch.zeros(count), "deviation": torch.ones(count)}
    return chain


def _at(chain: Chain) -> dict[str, Any]:
    settings = {placed.name: placed.bend.settings for placed in chain._placed}
    found = chain.at(lambda name: settings[name].starts() | AMOUNTS[settings[name].kind], "cpu")
    assert found is not None
    return found


def _played_in_torch(*given: object) -> Tensor:
    pytest.fail("the kernels should have bent this")


@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize("precision", BOUNDS)
def test_bends_of_a_scene_play_where_the_maps_lie(
    stylegan3: Callable[[str], Network], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = stylegan3("t")
    network.set_precision(precision)
    w, names = _ws(network), network.config.layers
    bends = {
        f"{kind}{layer}": {
            "kind": kind,
            "layer": names[layer],
            "channels": {"fraction": 0.6, "seed": layer},
            "mix": 0.8,
        }
        for kind in AMOUNTS
        for layer in (0, 4, len(names) - 2, len(names) - 1)
    }
    chain = _scene(network, **bends)

    def paint(network: Network) -> Tensor:
        return network.synthesis(_like(w, network), bends=_at(chain))

    with torch.no_grad():
        with monkeypatch.context() as patch:
            patch.setattr(LayerBends, "__call__", _played_in_torch)
            painted = paint(network)
        plain = network.synthesis(w)  # and nothing of it stays
    assert relative_error([painted], [_exact(network, paint)]) < 4 * BOUNDS[precision]
    unbent = _exact(network, lambda exact: exact.synthesis(w.double()))
    assert relative_error([plain], [unbent]) < BOUNDS[precision]


@pytest.mark.usefixtures("emulated")
def test_bends_beside_a_skip_play_where_the_maps_lie(
    canvas: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas.set_precision("float32")
    layer = next(each for each in canvas.config.synthesis if each.skip_channels)
    names = (layer.name, canvas.config.layers[0])
    chain = _scene(canvas, **{f"{kind}_{name}": {"kind": kind, "layer": name, "mix": 0.9} for kind in AMOUNTS if kind != "adain" for name in names})  # fmt: skip
    z, condition = torch.randn(1, canvas.config.z_dim), torch.randn(1, 3, 64, 64).clamp(-1, 1)

    def paint(network: Network) -> Tensor:
        given = _like(z, network), _like(condition, network)
        return network.generate(given[0], condition=given[1], bends=_at(chain))

    with torch.no_grad(), monkeypatch.context() as patch:
        patch.setattr(LayerBends, "__call__", _played_in_torch)
        painted = paint(canvas)
    assert relative_error([painted], [_exact(canvas, paint)]) < 4 * BOUNDS["float32"]


@pytest.mark.usefixtures("emulated")
def test_bends_that_rest_change_no_bit(stylegan3: Callable[[str], Network]) -> None:
    network = stylegan3("t")
    network.set_precision("float16")
    w, name = _ws(network), network.config.layers[4]
    chain = _scene(network, one={"kind": "rotate", "layer": name})
    resting = {"mix": 1.0, "angle": 0.0}, {"mix": 0.0, "angle": 33.0}
    with torch.no_grad():
        plain = network.synthesis(w)
        for values in resting:
            bends = chain.at(lambda _, values=values: values, "cpu")
            assert torch.equal(network.synthesis(w, bends=bends), plain)


@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize("precision", BOUNDS)
def test_canvas_and_its_encoder_are_as_exact_as_their_precision(
    canvas: Network, precision: str
) -> None:
    z, condition = torch.randn(1, canvas.config.z_dim), torch.randn(1, 3, 32, 48).clamp(-1, 1)

    def paint(network: Network) -> Tensor:
        return network.generate(
            _like(z, network),
            condition=_like(condition, network),
            skip_gains=[0.9, *[0.7] * (canvas_skips - 1)],
        )

    with torch.no_grad():
        canvas_skips = len(canvas.encoder(condition).skips)
        canvas.set_precision(precision)
        painted = paint(canvas)
    assert relative_error([painted], [_exact(canvas, paint)]) < BOUNDS[precision]


@pytest.mark.usefixtures("emulated")
def test_a_layer_beside_a_skip_is_bent_with_it(canvas: Network) -> None:
    canvas.set_precision("float32")
    layer = next(each for each in canvas.config.synthesis if each.skip_channels)
    chain = canvas_chain(20, (1, 2), 1.2, 2, 3, 0.8, [True] * layer.out_channels)
    z, condition = torch.randn(1, canvas.config.z_dim), torch.randn(1, 3, 32, 32).clamp(-1, 1)

    def paint(network: Network) -> Tensor:
        given = _like(z, network), _like(condition, network)
        return network.generate(given[0], condition=given[1], bends={layer.name: chain})

    with torch.no_grad():
        painted = paint(canvas)
    assert relative_error([painted], [_exact(canvas, paint)]) < BOUNDS["float32"]


@pytest.mark.usefixtures("emulated")
def test_a_code_outlives_the_next_picture(canvas: Network) -> None:
    canvas.set_precision("float32")
    first, second = (torch.randn(1, 3, 32, 32).clamp(-1, 1) for _ in range(2))
    with torch.no_grad():
        code = canvas.encoder(first)
        kept = [skip.clone() for skip in code.skips]
        canvas.encoder(second)
    for skip, former in zip(code.skips, kept, strict=True):
        assert torch.equal(skip, former)


@pytest.mark.usefixtures("emulated")
def test_skips_may_be_plain_tensors(canvas: Network) -> None:
    canvas.set_precision("float32")
    with torch.no_grad():
        code = canvas.encoder(torch.randn(1, 3, 32, 32).clamp(-1, 1))
        w = torch.randn(1, canvas.config.num_ws, canvas.config.w_dim)
        plain = copy.copy(code)
        object.__setattr__(plain, "skips", [skip.clone() for skip in code.skips])
        assert torch.equal(canvas.synthesis(w, plain), canvas.synthesis(w, code))


GOLDEN = {
    "stylegan3_t": ["img_wmix"],
    "stylegan3_r": ["img_wmix", "xfscale/img"],
    "canvas_r": ["img_replace0", "bend/all_ops_two_layers/img"],
    "canvas_t_flask": ["img_psi0", "bend/all_ops_two_layers/img"],
}


@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize(("name", "arrays"), GOLDEN.items(), ids=GOLDEN.keys())
def test_golden_pictures_are_met_within_their_tolerance(name: str, arrays: list[str]) -> None:
    fixtures = next(each for each in golden.models(OWN) if each.name == name)
    for array in arrays:
        assert fixtures.error(array) <= fixtures.tolerance(array), array


def test_without_a_device_torch_plays(stylegan3: Callable[[str], Network]) -> None:
    network = stylegan3("t")
    assert network.synthesis.on_device.find(network.synthesis, (36, 36), torch.zeros(1)) is None


@torch.no_grad()
def test_torch_plays_until_the_steps_are_made_unless_somebody_waits(
    stylegan3: Callable[[str], Network], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_engine", lambda device: emulator)
    steps, synthesis = OnDevice(StyleGAN3Steps), stylegan3("t").synthesis
    assert steps.find(synthesis, (36, 36)) is None
    with patiently():
        made = steps.find(synthesis, (36, 36))
    assert isinstance(made, StyleGAN3Steps)
    assert steps.find(synthesis, (36, 36)) is made


def test_whoever_makes_graphs_loads_the_kernels_of_bends_beforehand(
    stylegan3: Callable[[str], Network], emulator: Emulator
) -> None:
    counting, synthesis = copy.copy(emulator), stylegan3("t").synthesis
    loaded: list[str] = []
    counting.load = lambda variant: loaded.append(variant.kernel) or emulator.load(variant)
    OnDevice(StyleGAN3Steps).prepared(synthesis, (36, 36), counting)
    assert not KERNELS.keys() & set(loaded)
    with rehearsing():
        OnDevice(StyleGAN3Steps).prepared(synthesis, (36, 36), counting)
    assert KERNELS.keys() <= set(loaded)


@torch.no_grad()
def test_bends_load_nothing_within_a_frame(
    stylegan3: Callable[[str], Network], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, network = copy.copy(emulator), copy.deepcopy(stylegan3("t"))
    monkeypatch.setattr(cuda_ops, "is_native", lambda: False)
    monkeypatch.setattr(
        OnDevice, "find", lambda self, part, size, *inputs: self.prepared(part, size, engine)
    )
    w, last = _ws(network), network.config.layers[-1]
    network.synthesis(w)  # makes the steps
    chain = _scene(network, trail={"kind": "feedback", "layer": last})
    named = chain.amounts(lambda _: {"mix": 1.0, "amount": 0.6, "zoom": 1.1, "turn": 7.0})
    rows = {name: torch.tensor([*each.values()]) for name, each in named.items()}
    bends = chain.layers(chain.turns(named), rows, begun={"trail": torch.tensor(0.0)})
    monkeypatch.setattr(engine, "ready", emulator.ready, raising=False)
    monkeypatch.setattr(engine, "load", lambda _: pytest.fail("a frame waits"), raising=False)
    monkeypatch.setattr(LayerBends, "__call__", _played_in_torch)
    network.synthesis(w, bends=bends)


def test_whoever_makes_graphs_has_steps_of_his_own_and_holds_them(
    stylegan3: Callable[[str], Network], emulator: Emulator
) -> None:
    steps, synthesis = OnDevice(StyleGAN3Steps), stylegan3("t").synthesis
    frames = steps.prepared(synthesis, (36, 36), emulator)
    with rehearsing():
        rehearsed = steps.prepared(synthesis, (36, 36), emulator)
    with recording() as held:
        recorded = steps.prepared(synthesis, (36, 36), emulator)
    assert recorded is rehearsed is not frames
    assert held == [recorded]
    assert steps.prepared(synthesis, (36, 36), emulator) is frames


@pytest.mark.usefixtures("emulated")
def test_gains_of_skips_may_lie_on_the_device(canvas: Network) -> None:
    canvas.set_precision("float32")
    z, condition = torch.randn(1, canvas.config.z_dim), torch.randn(1, 3, 32, 32).clamp(-1, 1)
    count = sum(block.gives_skip for block in canvas.config.encoder.blocks)
    numbers = [0.9, *[0.7] * (count - 1)]
    with torch.no_grad():
        lying = [*torch.tensor(numbers).unbind()]
        one, other = (
            canvas.generate(z, condition=condition, skip_gains=gains) for gains in (numbers, lying)
        )
    assert torch.equal(one, other)


def test_whoever_wants_gradients_plays_in_torch(
    stylegan3: Callable[[str], Network], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_engine", lambda device: emulator)
    steps, synthesis = OnDevice(StyleGAN3Steps), stylegan3("t").synthesis
    with patiently():
        assert steps.find(synthesis, (36, 36), torch.zeros(1, requires_grad=True)) is None


def test_what_cannot_get_ready_is_said_once_and_played_in_torch(
    stylegan3: Callable[[str], Network], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cuda_ops.cuda import device

    monkeypatch.setattr(device, "_failures", [])
    broken = copy.copy(emulator)
    monkeypatch.setattr(broken, "load", lambda variant: 1 / 0, raising=False)
    network = stylegan3("t")
    synthesis = copy.deepcopy(network.synthesis)
    assert synthesis.on_device.prepared(synthesis, (36, 36), broken) is None
    assert device.failure() == "ZeroDivisionError: division by zero"
    assert synthesis.on_device.prepared(synthesis, (36, 36), broken) is None
    assert len(device._failures) == 1
