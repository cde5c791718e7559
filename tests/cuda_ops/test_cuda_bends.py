"""Bends on a device do what the slow references in float64 do, where the map lies; on the emulator."""

import contextlib
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from cuda_ops.cuda.engine import Variant
from cuda_ops.cuda.kinds import (
    BFLOAT,
    HALF,
    SINGLE,
    WIDE_HALF,
    Kind,
    empty_map,
    slot_count,
    slots_of,
)
from cuda_ops.cuda.recording import (
    UncapturableError,
    patiently,
    ready_to_replay,
    recording,
    rehearsing,
)
from cuda_ops.cuda.slots import Border, Slots
from model.bends.base import Place
from model.bends.chain import Chain
from model.bends.placed import Canvas
from model.bends.playing import LayerBends
from model.noted import Noted
from tests.cuda_ops.emulation.engine import BACKWARD, Emulator
from tests.cuda_ops.emulation.recorded import RecordedGraph
from tests.model.bend_cases import BORDERS, Case, case, drawn_values, largest, part
from tests.model.bend_reference import REFERENCES

pytestmark = pytest.mark.timeout(900)  # compiles, on a machine that may be busy

CPU = torch.device("cpu")
# Of the largest difference; a map is rounded once or twice.
BOUNDS = {SINGLE: 5e-5, HALF: 1e-3, WIDE_HALF: 1e-3, BFLOAT: 8e-3}
KINDS = sorted(REFERENCES)
PLACE = Place("L0", 12, 32.0, 0.8)


@pytest.fixture(params=BOUNDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


class Bent:
    """A map of features [C, H, W] on the emulator, in two groups of slots."""

    def __init__(self, emulator: Emulator, kind: Kind, features: Tensor) -> None:
        channels, *_ = features.shape
        first = (channels + 1) // 2
        self.groups = (first, channels - first) if channels > 1 else (first,)
        self.slots = slots_of(*self.groups)
        self._kind = kind
        self.map = self.like(torch.full_like(features, torch.nan))
        self.bends = Slots(emulator, kind, self.map, self.slots)
        assert self.bends.are_ready()
        self.bends.begin().copy_(self.like(features))

    def like(self, features: Tensor) -> Tensor:
        """Features as such a map holds them."""
        count = sum(map(slot_count, self.groups))
        lies = empty_map(self._kind, count, (features.shape[1], features.shape[2]), CPU)
        lies[0, self.slots] = features.to(self._kind.dtype)
        return lies

    def end(self, styles: Tensor | None = None) -> Tensor:
        """The features, float64, once they are bent."""
        self.bends.end(styles)
        empty = torch.ones(self.map.shape[1], dtype=torch.bool)
        empty[self.slots] = False
        assert not self.map[0, empty].any()  # where no channel lies there is nothing
        return self.map[0, self.slots].double()


def rounded(given: Case, kind: Kind) -> Case:
    """The case with maps as such a map holds them."""
    before = given.site.before
    assert before is not None
    given = given._replace(maps=given.maps.to(kind.dtype).float())
    return given.with_site(before=before.to(kind.dtype).float())


def launched(emulator: Emulator, kind: Kind, given: Case) -> Bent:
    """A case, bent as far as its map ends up."""
    assert given.site.before is not None
    bent = Bent(emulator, kind, given.maps)
    site = replace(given.site, before=bent.like(given.site.before[0]))
    given.bend.in_slots(bent.bends, given.amounts, site)
    return bent


@pytest.mark.parametrize("name", KINDS)
def test_a_bend_is_what_its_reference_is(emulator: Emulator, kind: Kind, name: str) -> None:
    for seed in range(3):
        given = rounded(case(name, seed + 100), kind)
        made = launched(emulator, kind, given).end()
        wanted = given.wanted
        assert largest(made - wanted) < BOUNDS[kind] * max(1.0, largest(wanted)), seed


@pytest.mark.parametrize("name", ["blur", "sharpen", "erode", "dilate", "open"])
def test_a_bend_reaches_as_far_as_on_the_largest_canvas(emulator: Emulator, name: str) -> None:
    given = case(name, 7, channels=5)
    reaches = {"radius", "sigma"} & given.bend.Settings.knobs().keys()
    amounts = torch.tensor([value if knob not in reaches else 0.049 for knob, value in given.site.values.items()])  # fmt: skip
    for pixels in (150.0, 2100.0):  # more taps than a block has threads
        far = given._replace(amounts=amounts).with_site(pixels_per_picture=pixels)
        made = launched(emulator, SINGLE, far).end()
        exact = far._replace(maps=far.maps.double(), amounts=amounts.double())
        assert largest(made - exact.applied()) < 1e-4


@pytest.mark.parametrize("name", KINDS)
def test_channels_and_pixels_take_their_share_and_then_their_styles(
    emulator: Emulator, name: str
) -> None:
    given = case(name, 200, channels=21)
    torch.manual_seed(1)
    share = torch.rand(21) * (torch.rand(21) < 0.5)
    share[3], share[4] = 1, 0
    mask, mix = torch.rand(given.maps.shape[1:]), torch.tensor([0.75])
    given = given.with_site(chosen=share.nonzero()[:, 0])
    bent = Bent(emulator, SINGLE, given.maps)
    assert given.site.before is not None
    site = replace(given.site, before=bent.like(given.site.before[0]))
    bent.bends.choose(share, mix=mix, mask=mask)
    given.bend.in_slots(bent.bends, given.amounts, site)
    styles = torch.rand(bent.map.shape[1]) + 0.5
    made = bent.end(styles)
    part_ = share[:, None, None].double() * mask * 0.75
    whole = given.wanted
    own = styles[bent.slots][:, None, None].double()
    wanted = given.maps.double().lerp(whole, part_) * own
    assert largest(made - wanted) < 1e-4 * max(1.0, largest(whole))
    unbent = (given.maps * own.float()).double()
    assert torch.equal(made[share == 0], unbent[share == 0])


@pytest.mark.parametrize("name", [*KINDS, "canvas_chain"])
def test_what_has_not_begun_or_has_no_mix_changes_no_bit(
    emulator: Emulator, kind: Kind, name: str
) -> None:
    given = rounded(case(name, 3, channels=10), kind)
    for still in ({"begun": torch.tensor(0.0)}, {"mix": torch.tensor([0.0])}):
        bent = Bent(emulator, kind, given.maps)
        assert given.site.before is not None
        site = replace(given.site, before=bent.like(given.site.before[0] * torch.nan))
        bent.bends.choose(None, **still)
        given.bend.in_slots(bent.bends, given.amounts, site)
        assert torch.equal(bent.end(), given.maps.double())


@pytest.mark.parametrize("seed", range(4))
def test_the_chain_of_the_seed_system_is_its_own_to_the_bit(
    emulator: Emulator, kind: Kind, seed: int
) -> None:
    given = rounded(case("canvas_chain", seed), kind)
    wanted = given.applied().to(kind.dtype).double()
    assert torch.equal(launched(emulator, kind, given).end(), wanted)


@pytest.mark.parametrize("name", ["rotate", "swap", "open", "sharpen", "feedback", "adain"])
def test_no_result_depends_on_the_order_of_threads(
    emulator: Emulator, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = case(name, 5, channels=19)
    forward = launched(emulator, SINGLE, given).end()
    monkeypatch.setattr(emulator, "order", BACKWARD)
    assert torch.equal(launched(emulator, SINGLE, given).end(), forward)


@pytest.mark.parametrize("border", BORDERS)
def test_places_that_are_far_or_no_numbers_read_something(
    emulator: Emulator, border: Border
) -> None:
    for place in (1e30, -1e30, float("nan"), float("inf")):
        bent = Bent(emulator, SINGLE, torch.randn(3, 5, 7))
        bent.bends.resample(torch.full([5, 7, 2], place), border)
        assert bent.end().isfinite().all()


def test_what_does_not_fit_is_refused(emulator: Emulator) -> None:
    bends = Bent(emulator, SINGLE, torch.randn(3, 5, 7)).bends
    with pytest.raises(ValueError, match="share of"):
        bends.choose(torch.ones(4))
    with pytest.raises(ValueError, match="share of"):
        bends.choose(None, mask=torch.ones(7, 5))
    with pytest.raises(ValueError, match="positions"):
        bends.resample(torch.zeros(7, 5, 2), "edge")


# Bends of a scene.


def of_layer(
    chain: Chain, values: Mapping[str, Mapping[str, float]], begun: float = 1.0
) -> tuple[LayerBends, dict[str, Tensor], Tensor]:
    """What bends the one layer, the rows that it follows, and the number that says it began."""
    named = chain.amounts(lambda name: {"mix": 1.0, **values[name]})
    rows = {name: torch.tensor([*each.values()]) for name, each in named.items()}
    began = torch.tensor(begun)
    each = dict.fromkeys(chain.remembering, began)
    layers = chain.layers(chain.turns(named), rows, Canvas(), each)
    assert layers is not None
    return layers[PLACE.name], rows, began


def scene(place: Place = PLACE, **bends: Mapping[str, Any]) -> Chain:
    parts = {name: part(layer=place.name, **settings) for name, settings in bends.items()}
    return Chain(parts, [place])


def features(seed: int = 0, channels: int = PLACE.channels) -> Tensor:
    torch.manual_seed(seed)
    return torch.randn(1, channels, 11, 14)


def test_bends_in_a_row_are_what_they_are_in_torch(emulator: Emulator) -> None:
    chain = scene(
        turn={"kind": "rotate"},
        lens={"kind": "scale"},
        slide={"kind": "translate"},
        rim={"kind": "dilate", "channels": {"fraction": 0.4}},
        loud={"kind": "multiply", "channels": {"range": [2, 9]}},
        soft={"kind": "blur"},
        grain={"kind": "open", "channels": {"range": [0, 5]}},
        places={"kind": "swap", "channels": {"fraction": 0.7}},
        fold={"kind": "kaleidoscope"},
    )
    values = {
        "turn": {"angle": 30.0},
        "lens": {"factor": 1.5, "stretch": 0.8},
        "slide": {"x": 0.1, "y": -0.05},
        "rim": {"radius": 0.045, "mix": 0.5},
        "loud": {"factor": -2.0},
        "soft": {"sigma": 0.03},
        "grain": {"radius": 0.03, "mix": 0.7},
        "places": {"amount": 0.6},
        "fold": {"amount": 0.8, "segments": 5.0, "turn": 20.0},
    }
    layer, *_ = of_layer(chain, values)
    x = features()
    bent = Bent(emulator, SINGLE, x[0])
    assert layer.plays_in_slots
    layer.in_slots(bent.bends)
    assert largest(bent.end() - layer(x)[0].double()) < 1e-4


class Sloped(type(part("shear"))):  # type: ignore[misc]
    """A matrix that no kernel has a name for."""

    move = None


def test_a_matrix_without_a_kernel_goes_together_with_those_that_have_one(
    emulator: Emulator,
) -> None:
    chain = scene(turn={"kind": "rotate"}, slope={"kind": "shear"}, lens={"kind": "scale"})
    slope = chain._placed[1]
    slope.bend = Sloped(slope.bend.settings)
    values = {
        "turn": {"angle": 25.0},
        "slope": {"x": 0.3, "y": -0.2},
        "lens": {"factor": 0.7, "stretch": 1.2},
    }
    layer, *_ = of_layer(chain, values)
    x = features()
    bent = Bent(emulator, SINGLE, x[0])
    layer.in_slots(bent.bends)
    assert largest(bent.end() - layer(x)[0].double()) < 1e-4


@pytest.mark.parametrize("name", ["feedback", "freeze"])
def test_what_is_remembered_is_what_torch_remembers(emulator: Emulator, name: str) -> None:
    settings = {"kind": name, "channels": {"range": [1, 9]}}
    values = {"bend": {"amount": 0.6, "mix": 0.9}}
    if name == "feedback":
        values["bend"] |= {"zoom": 1.1, "turn": 7.0}
    ours, theirs = scene(bend=settings), scene(bend=settings)
    for frame in range(5):
        x, began = features(frame), float(frame not in (0, 3))
        bent = Bent(emulator, SINGLE, x[0])
        of_layer(ours, values, began)[0].in_slots(bent.bends)
        wanted = of_layer(theirs, values, began)[0](x)
        assert largest(bent.end() - wanted[0].double()) < 1e-5, frame


# What plays in each frame, and in which frames the bend begins.
WAYS = {
    "to kernels": ("ttk", "100"),
    "to torch": ("kkt", "100"),
    "there and back": ("kttk", "1000"),
    "begun anew on the way": ("kttk", "1010"),
    "for one frame, twice": ("kktkkktk", "10001000"),
    "to a graph": ("kttg", "1010"),
    "from a graph": ("kggtkg", "100100"),
}


class Played:
    """A bend of a scene, frame after frame: by torch (t), kernels (k) or a graph of kernels (g)."""

    def __init__(self, emulator: Emulator, name: str) -> None:
        self.values = {"bend": {"amount": 0.6}}
        if name == "feedback":
            self.values["bend"] |= {"zoom": 1.1, "turn": 7.0}
        self.layer, _, self.begun = of_layer(
            scene(bend={"kind": name, "channels": {"range": [3, 9]}}), self.values
        )
        self.source = features()
        self.bent = Bent(emulator, SINGLE, self.source[0])
        self._emulator = emulator

    def frame(self, way: str) -> Tensor:
        if way == "t":
            return self.layer(self.source)[0].double()
        if way == "g":
            ready_to_replay(self._held)
            self._graph.replay()
        else:
            self._kernels()
        return self.bent.map[0, self.bent.slots].double()

    @torch.inference_mode()
    def record(self) -> None:
        with rehearsing():
            self._kernels()
        with recording() as self._held:
            self._graph = RecordedGraph(self._kernels, self._emulator)

    def _kernels(self) -> None:
        self.bent.bends.begin().copy_(self.bent.like(self.source[0]))
        self.layer.in_slots(self.bent.bends)
        self.bent.bends.end()


@pytest.mark.parametrize("ways", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("name", ["feedback", "freeze"])
def test_memory_goes_along_whatever_plays(
    emulator: Emulator, name: str, ways: tuple[str, str]
) -> None:
    ours, theirs = Played(emulator, name), Played(emulator, name)
    ours.record()
    for number, (way, begins) in enumerate(zip(*ways, strict=True)):
        for each in (ours, theirs):
            each.source.copy_(features(number))
            each.begun.fill_(float(begins == "0"))
        assert largest(ours.frame(way) - theirs.frame("t")) < 1e-5, number


@pytest.mark.parametrize("first", ["torch", "kernels"])
def test_memory_of_maps_without_empty_slots_lies_as_kernels_read_it(
    emulator: Emulator, first: str
) -> None:
    place = replace(PLACE, channels=16)
    chain = scene(place, turn={"kind": "rotate"}, still={"kind": "freeze"})
    values = {"turn": {"angle": 30.0}, "still": {"amount": 1.0}}
    made = []
    for frame in range(2):
        layer, *_ = of_layer(chain, values, float(frame > 0))
        x = features(frame, place.channels)
        bent = Bent(emulator, SINGLE, x[0])
        if (frame == 0) == (first == "kernels"):
            layer.in_slots(bent.bends)
            made.append(bent.end())
        else:
            made.append(layer(x)[0].double())
    assert largest(made[1] - made[0]) < 1e-4  # frozen


def test_without_lasting_memory_what_remembers_plays_in_torch() -> None:
    chain = scene(trail={"kind": "feedback"}, loud={"kind": "multiply"})
    values = {"trail": {"amount": 0.5, "zoom": 1.0, "turn": 0.0}, "loud": {"factor": 2.0}}
    layers = chain.at(lambda name: {"mix": 1.0, **values[name]}, "cpu")
    assert layers is not None
    assert not layers[PLACE.name].plays_in_slots


def test_a_bend_that_fails_rests_and_leaves_the_others_to_play(emulator: Emulator) -> None:
    said: list[str] = []
    parts = {name: part("multiply", layer=PLACE.name) for name in ("one", "two")}
    chain = Chain(parts, [PLACE], guard=lambda name, error: said.append(name))
    values = {name: {"factor": 2.0} for name in parts}
    layer, *_ = of_layer(chain, values)
    chain._placed[0].bend.in_slots = lambda *given: 1 / 0  # type: ignore[attr-defined]
    x = features()
    bent = Bent(emulator, SINGLE, x[0])
    layer.in_slots(bent.bends)
    assert said == ["one"]
    assert torch.equal(bent.end(), (2 * x[0]).double())


def test_what_a_bend_that_fails_left_aside_is_not_gone_on_with(emulator: Emulator) -> None:
    x, factor = features(), torch.tensor([3.0])
    bends = (bent := Bent(emulator, SINGLE, x[0])).bends
    with contextlib.suppress(RuntimeError), bends.aside():
        bends.point("multiply", factor)
        raise RuntimeError
    bends.choose(None)
    bends.point("multiply", torch.tensor([2.0]))
    assert torch.equal(bent.end(), (2 * x[0]).double())


def test_what_channels_take_is_made_before_a_graph_is_recorded(emulator: Emulator) -> None:
    bends, share = Bent(emulator, SINGLE, features()[0]).bends, torch.rand(PLACE.channels)
    with recording(), pytest.raises(UncapturableError, match="went away"):
        bends.choose(share)
    with rehearsing():
        bends.choose(share)
    with recording() as held:
        bends.choose(share)
    assert len(held) == 1


# Graphs.


@pytest.mark.parametrize("name", [*KINDS, "canvas_chain"])
def test_a_graph_follows_the_amounts(emulator: Emulator, name: str) -> None:
    given, read = case(name, 1, channels=11), set[str]()
    amounts, source = given.amounts.clone(), given.maps.clone()
    bent = Bent(emulator, SINGLE, given.maps)
    assert given.site.before is not None
    site = replace(
        given.site,
        values=Noted(given.site.values, read),
        before=bent.like(given.site.before[0]),
    )

    def work() -> Tensor:
        bent.bends.begin().copy_(bent.like(source))
        given.bend.in_slots(bent.bends, amounts, site)
        bent.bends.end()
        return bent.map

    with torch.inference_mode():
        with rehearsing():
            work()
        with recording():
            graph = RecordedGraph(work, emulator)
    assert not read  # so that one graph plays all of them
    others = drawn_values(given.bend, random.Random(101))
    amounts.copy_(torch.tensor([*others.values()]))
    graph.replay()
    other = given._replace(amounts=amounts).with_site(values=others)
    wanted = other.wanted if name in REFERENCES else other.applied().double()
    made = bent.map[0, bent.slots].double()
    assert largest(made - wanted) < 2e-4 * max(1.0, largest(wanted))


# Loading.


class Slow:
    """An engine whose kernels are not there yet."""

    def __init__(self, emulator: Emulator) -> None:
        self.load = emulator.load
        self.asked: list[Variant] = []

    def ready(self, variant: Variant) -> None:
        self.asked.append(variant)


def test_no_frame_waits_for_kernels_but_who_waits_has_them(emulator: Emulator) -> None:
    slow = Slow(emulator)
    lies = empty_map(SINGLE, 8, (3, 4), CPU)
    bends = Slots(slow, SINGLE, lies, slots_of(5))  # type: ignore[arg-type]
    assert not bends.are_ready()
    assert len(slow.asked) == len(set(slow.asked)) == 12
    with patiently():
        assert bends.are_ready()
    assert bends.are_ready()
