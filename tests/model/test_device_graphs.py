"""What a graph of a network does at each replay follows its inputs, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

import cuda_ops
from cuda_ops.cuda.graphs import Graphs
from cuda_ops.cuda.recording import ready_to_replay, recording, rehearsing
from model import networks, schedule, untrained
from model.bends.chain import Chain, places
from model.bends.playing import LayerBends
from model.device.programs import OnDevice
from model.network import Network
from tests.cuda_ops.emulation.engine import Emulator
from tests.cuda_ops.emulation.recorded import RecordedGraph, RecordedGraphs
from tests.cuda_ops.hand_cranked import HandCranked
from tests.model.bend_cases import part

pytestmark = pytest.mark.timeout(900)  # compiles, on a machine that may be busy


@pytest.fixture(autouse=True)
def _emulated(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_ops, "is_native", lambda: False)
    monkeypatch.setattr(
        OnDevice, "find", lambda self, part, size, *inputs: self.prepared(part, size, emulator)
    )


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(3)
    config = schedule.stylegan3(32, 256, 8, variant="t")
    return networks.from_config(config).eval().requires_grad_(False)


def _w(network: Network) -> Tensor:
    return torch.randn(1, network.config.num_ws, network.config.w_dim)


@torch.no_grad()
def test_a_replay_follows_w_the_transform_and_the_amounts_of_bends(
    network: Network, emulator: Emulator
) -> None:
    w, transform, amounts = _w(network), torch.eye(3), torch.tensor([0.5])
    layer = network.config.layers[4]
    bends = {layer: lambda x: x * amounts}

    def paint() -> Tensor:
        return network.synthesis(w, transform=transform, bends=bends)

    paint()  # makes what is made only once
    graph = RecordedGraph(paint, emulator)
    first = graph.result.clone()
    graph.replay()
    assert torch.equal(graph.result, first)
    w.copy_(_w(network))
    transform[0, 2] = 0.3
    amounts.fill_(-2.0)
    graph.replay()
    replayed = graph.result.clone()
    assert not torch.allclose(replayed, first)
    assert torch.allclose(replayed, paint(), atol=1e-6)


class _Scene:
    """Bends of a scene on one w, whose numbers lie where a graph reads them."""

    def __init__(self, network: Network) -> None:
        layer = network.config.layers[4]
        parts = {
            "turn": part("rotate", layer=layer),
            "lens": part("scale", layer=layer),
            "trail": part("feedback", layer=layer, channels={"range": [0, 5]}),
            "soft": part("blur", layer=network.config.layers[7]),
        }
        values = {
            "turn": {"mix": 1.0, "angle": 20.0},
            "lens": {"mix": 1.0, "factor": 1.4, "stretch": 0.9},
            "trail": {"mix": 0.9, "amount": 0.7, "zoom": 1.1, "turn": 4.0},
            "soft": {"mix": 1.0, "sigma": 0.03},
        }
        self._network = network
        self.chain = Chain(parts, places(network.config, network))
        self.chain.stay_on(torch.device("cpu"))
        self._named = self.chain.amounts(values.__getitem__)
        self.rows = {name: torch.tensor([*each.values()]) for name, each in self._named.items()}
        self.w, self.begun = _w(network), torch.tensor(0.0)

    def move_on(self, step: int) -> None:
        self.rows["turn"][1], self.rows["soft"][1] = 20.0 + 40 * step, 0.01 * step
        self.w.copy_(_w(self._network))
        self.begun.fill_(float(step > 0))

    def paint(self) -> Tensor:
        turns = self.chain.turns(self._named)
        bends = self.chain.layers(turns, self.rows, begun={"trail": self.begun})
        return self._network.synthesis(self.w, bends=bends)

    def memory(self) -> Tensor:
        """What the trail remembers, of its own channels."""
        played = self.chain._placed[2].memory._played
        assert played is not None
        return played.features[:, played.channels]


@torch.inference_mode()
def test_a_replay_follows_the_bends_of_a_scene_as_torch_does(
    network: Network, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, in_torch = _Scene(network), _Scene(network)
    with rehearsing():
        scene.paint()
    with recording() as held:
        graph = RecordedGraph(scene.paint, emulator)
    monkeypatch.setattr(LayerBends, "plays_in_slots", False)
    in_torch.w = scene.w
    in_torch.rows, in_torch.begun = scene.rows, scene.begun
    for step in range(3):
        scene.move_on(step)
        ready_to_replay(held)
        graph.replay()
        assert torch.allclose(graph.result, in_torch.paint(), atol=1e-4)
        assert torch.allclose(scene.memory(), in_torch.memory(), atol=1e-4)


@torch.no_grad()
def test_a_replay_follows_the_condition(emulator: Emulator) -> None:
    network = untrained(5, resolution=64, channel_base=512, channel_max=8)
    z, condition = torch.randn(1, network.config.z_dim), torch.rand(1, 3, 64, 64)

    def paint() -> Tensor:
        return network.generate(z, condition=condition)

    paint()
    graph = RecordedGraph(paint, emulator)
    condition.copy_(torch.rand(1, 3, 64, 64) - 0.5)
    z.copy_(torch.randn(1, network.config.z_dim))
    graph.replay()
    replayed = graph.result.clone()
    assert torch.allclose(replayed, paint(), atol=1e-5)


@dataclass(frozen=True)
class _Work:
    structure: str
    run: Callable[[], Tensor] = field(compare=False)

    def __call__(self) -> Tensor:
        return self.run()


@torch.inference_mode()
def test_a_scene_plays_on_while_its_bend_gets_ready(network: Network, emulator: Emulator) -> None:
    said: list[str] = []
    beside = HandCranked()
    graphs = Graphs[Tensor](RecordedGraphs(emulator), said.append, beside)
    held, amounts, layer = _w(network), torch.tensor([1.0]), network.config.layers[2]
    plain = _Work("plain", lambda: network.synthesis(held))
    bent = _Work("bent", lambda: network.synthesis(held, bends={layer: lambda x: x * amounts}))

    def frame(w: Tensor, factor: float) -> tuple[str, Tensor]:
        held.copy_(w)
        amounts.fill_(factor)
        shown = graphs.choose(plain if factor == 1 else bent)
        picture = graphs.play(shown).clone()
        beside.turn()
        return shown.structure, picture

    ws = [_w(network) for _ in range(9)]
    shown = [frame(w, 1.0 if number < 4 else 0.5) for number, w in enumerate(ws)]
    assert [name for name, _ in shown] == ["plain"] * 6 + ["bent"] * 3
    for (name, picture), w in zip(shown, ws, strict=True):
        bends = None if name == "plain" else {layer: lambda x: x * 0.5}
        assert torch.allclose(picture, network.synthesis(w, bends=bends), atol=1e-6)
    assert not said
