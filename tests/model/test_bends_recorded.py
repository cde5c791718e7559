"""A graph that recorded a bend once follows its amounts, and reads no memory that may go away."""

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from cuda_ops.cuda.recording import recording, rehearsing
from model.bends.chain import Chain
from model.bends.channels import order
from model.bends.placed import Canvas, Memory
from model.noted import Noted
from performer import registry
from tests.cuda_ops.emulation.recorded import RecordedGraph
from tests.model.bend_cases import case, drawn_values, largest, part
from tests.model.bend_reference import REFERENCES
from tests.model.test_bends import PLACES, Grouped, features

KINDS = registry.kinds("bends")
# The steps that a canvas chain takes in whole pixels; everything else moves on without the host.
READ = {"canvas_chain": {"erosion", "dilation"}}
BOUND = 2e-3


def _recorded(work: Any, *known: Any) -> RecordedGraph[Tensor]:
    with torch.inference_mode():
        with rehearsing():
            work()
        with recording() as held:
            graph = RecordedGraph(work)
    assert not graph.strangers(held, *known)
    return graph


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_of_a_bend_follows_its_amounts(kind: str, seed: int) -> None:
    given, read = case(kind, seed), set()
    amounts, maps = given.amounts.clone(), given.maps[None]
    told = replace(given.site, values=Noted(given.site.values, read))
    on_host = (
        given.site.chosen,
        order(len(given.site.chosen), getattr(given.bend.settings, "seed", 0)),
    )
    known = maps, amounts, *given.site.stored.values(), given.site.before, *on_host
    graph = _recorded(lambda: given.bend.apply(maps, amounts, told), *known)
    assert read == READ.get(kind, set())

    others = drawn_values(given.bend, random.Random(seed + 100))
    others |= {name: given.site.values[name] for name in read}
    amounts.copy_(torch.tensor([*others.values()]))
    graph.replay()
    other = given._replace(amounts=amounts).with_site(values=others)
    wanted = other.wanted if kind in REFERENCES else other.applied().double()
    assert largest(graph.result[0].double() - wanted) < BOUND * max(1.0, largest(wanted))


def _graph(
    chain: Chain, layer: str, x: Tensor, values: Mapping[str, float], canvas: Canvas
) -> tuple[RecordedGraph[Tensor], Tensor, Tensor]:
    """What bends a layer, recorded; the amounts and the beginning that it follows."""
    chain.stay_on(torch.device("cpu"))
    named = chain.amounts(lambda name: {"mix": 1.0, **values})
    row, begun = torch.tensor([*named["bend"].values()]), torch.tensor(0.0)
    turns = chain.turns(named)

    def work() -> Tensor:
        bends = chain.layers(turns, {"bend": row}, canvas, {"bend": begun} if _keeps(chain) else {})
        assert bends is not None
        return bends[layer](x)

    (placed,) = chain._placed
    known = x, row, begun, placed._chosen, canvas.seen
    return _recorded(work, *known), row, begun


def _keeps(chain: Chain) -> bool:
    return hasattr(chain._placed[0].bend, "keeps")


def test_mix_channels_and_live_mask_are_followed() -> None:
    chain = Chain({"bend": part("multiply", layer="L1", channels={"range": [1, 2]}, mask={"live": "bright"})}, PLACES)  # fmt: skip
    x, seen = features(), torch.rand(1, 3, 24, 24) * 2 - 1
    canvas = Canvas(aspect=1.0, seen=seen)
    graph, row, _ = _graph(chain, "L1", x, {"factor": 3.0, "mix": 0.5}, canvas)
    seen.copy_(torch.rand(1, 3, 24, 24) * 2 - 1)
    row.copy_(torch.tensor([0.25, -2.0]))
    graph.replay()
    bends = chain.at(lambda name: {"factor": -2.0, "mix": 0.25}, "cpu", canvas)
    assert torch.allclose(graph.result, bends["L1"](x), atol=1e-6)


def test_feedback_remembers_from_replay_to_replay_and_begins_anew_when_told() -> None:
    chain, x = Chain({"bend": part("feedback", layer="L1")}, PLACES), features()
    plain = Chain({"bend": part("feedback", layer="L1")}, PLACES)
    values = {"amount": 0.5, "zoom": 1.0, "turn": 0.0}
    graph, _, begun = _graph(chain, "L1", x, values, Canvas())
    for frame in range(4):
        x.copy_(torch.randn_like(x))
        begun.fill_(float(frame > 0))
        graph.replay()
        bends = plain.at(lambda name: {"mix": 1.0, **values}, "cpu")
        assert torch.allclose(graph.result, bends["L1"](x), atol=1e-5), frame
    begun.fill_(0)
    graph.replay()
    assert torch.allclose(graph.result, x, atol=1e-5)


def test_freeze_holds_the_frame_in_which_it_began() -> None:
    chain, x = Chain({"bend": part("freeze", layer="L1")}, PLACES), features()
    graph, row, begun = _graph(chain, "L1", x, {"amount": 1.0}, Canvas())
    graph.replay()
    first = x.clone()
    begun.fill_(1)
    for amount in (1.0, 0.25):
        x.copy_(torch.randn_like(x))
        row[1] = amount
        graph.replay()
        assert torch.allclose(graph.result, x.lerp(first, amount), atol=1e-6)


def test_what_a_rehearsal_does_is_not_remembered() -> None:
    chain, x = Chain({"bend": part("feedback", layer="L1")}, PLACES), features()
    _graph(chain, "L1", x, {"amount": 0.5, "zoom": 1.0, "turn": 0.0}, Canvas())
    with rehearsing():
        work_memory = chain._placed[0].memory.lasting(x)
        work_memory.fill_(9)
    assert not (chain._placed[0].memory.lasting(x) == 9).any()


def test_threads_that_make_the_same_memory_at_once_have_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory, x, other, plain = Memory(), features(), [], torch.zeros_like

    def interrupted(*given: Any, **options: Any) -> Tensor:
        monkeypatch.setattr(torch, "zeros_like", plain)
        other.append(memory.lasting(x))
        return plain(*given, **options)

    monkeypatch.setattr(torch, "zeros_like", interrupted)
    assert memory.lasting(x) is other[0]
    assert memory.lasting(x) is other[0]


def test_chain_says_which_bends_begin() -> None:
    parts = {name: part("feedback", layer="L1") for name in ("one", "two")}
    chain = Chain({**parts, "three": part("multiply", layer="L1")}, PLACES)
    values = {"one": 0.5, "two": 0.0}

    def begun(size: tuple[int, int]) -> dict[str, float]:
        rest = {"mix": 1.0, "factor": 2.0, "zoom": 1.0, "turn": 0.0}
        named = chain.amounts(lambda name: {**rest, "amount": values.get(name, 0.0)})
        return chain.remember(chain.turns(named), size)

    assert begun((8, 8)) == {"one": 0.0, "two": 0.0}
    values["two"] = 0.5
    assert begun((8, 8)) == {"one": 1.0, "two": 0.0}
    assert begun((8, 8)) == {"one": 1.0, "two": 1.0}
    assert begun((8, 9)) == {"one": 0.0, "two": 0.0}
    chain.forget()
    assert begun((8, 9)) == {"one": 0.0, "two": 0.0}


def test_amounts_are_no_part_of_a_structure_but_what_plays_is() -> None:
    clusters = Grouped(L1_5_2=[0, 1, 0, 1])
    settings = {"layer": "L1", "channels": {"cluster": 2, "of": 5}}
    chain = Chain({"bend": part("multiply", **settings)}, PLACES, clusters)

    def structure(**values: float) -> object:
        named = chain.amounts(lambda name: {"mix": 1.0, "factor": 2.0, **values})
        return [turn.structure for turn in chain.turns(named)]

    plain = structure()
    assert structure(factor=-3.0) == plain
    assert structure(mix=0.5) == structure(mix=0.25) != plain
    assert structure(factor=1.0) != plain  # it rests
    chain.is_sparing = True
    assert structure() != plain
    chain.is_sparing = False
    chain.regroup(Grouped(L1_5_2=[0, 1, 0, 1]))
    assert structure() == plain
    chain.regroup(Grouped(L1_5_2=[1, 0, 0, 1]))
    assert structure() != plain
    chain._placed[0].read.add("factor")
    assert structure(factor=3.0) != structure(factor=4.0)
