"""Native bends do what the slow references in float64 do, where the map lies and nowhere else."""

import contextlib
import random

import pytest
import torch

from cuda_ops.cpu.blocks import Blocks, Rooms
from cuda_ops.cpu.maps import DTYPES, slots_of
from tests.cuda_ops.native_rig import filled, values_of
from tests.model.bend_cases import BORDERS, case, largest
from tests.model.bend_reference import REFERENCES

KINDS = sorted(REFERENCES)


def bound(native, wanted):
    """Of an error: features are rounded once or twice, and neighbours differ."""
    return (2e-3 if native.bound < 1e-3 else 3e-2) * max(1.0, largest(wanted))


def played(lies, given, share=None, mask=None):
    """The map after a bend; what is not told of the case is as in its site."""
    blocks = Blocks(lies, Rooms())
    blocks.choose(share, mask)
    given.bend.in_blocks(blocks, given.amounts, given.site)
    blocks.run()
    return values_of(lies)


def in_blocks(lies, given):
    """The same case, with the frame before as native kernels keep it."""
    before = given.site.before
    held = filled(before[0].to(DTYPES[lies.kind]).float(), lies.kind, slots=lies.slots)
    blocks = Blocks(held, Rooms())
    kept = blocks.copy(None)
    blocks.run()
    return given.with_site(before=kept)


def rounded(given, kind):
    """The case with maps as such a map holds them."""
    given = given._replace(maps=given.maps.to(DTYPES[kind]).float())
    return given.with_site(before=given.site.before.to(DTYPES[kind]).float())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", KINDS)
def test_a_bend_is_what_its_reference_is(native, kind, seed):
    given = rounded(case(kind, seed + 100), native.source)
    wanted = given.wanted
    lies = filled(given.maps, native.source, border=seed % 3)
    around = lies.memory.clone()
    made = played(lies, in_blocks(lies, given))
    assert largest(made - wanted) < bound(native, wanted)
    lies.pixels().zero_()
    still = filled(given.maps, native.source, border=seed % 3)
    still.memory.copy_(around)
    still.pixels().zero_()
    assert torch.equal(lies.memory, still.memory)  # nothing was written beside the pixels


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_channels_and_pixels_take_their_share(native, kind, seed):
    given = rounded(case(kind, seed + 200, channels=90), native.source)
    torch.manual_seed(seed)
    share = torch.rand(90) * (torch.rand(90) < 0.3)
    share[32:64] = 0  # a block that is left out
    share[64] = 1
    given = given.with_site(chosen=share.nonzero()[:, 0])
    mask = None if seed == 0 else torch.rand(given.maps.shape[1:])
    part = share[:, None, None].double() * (1 if mask is None else mask.double())
    whole = given.wanted
    wanted = given.maps.double().lerp(whole, part)
    lies = filled(given.maps, native.source, border=2, slots=slots_of(40, 50))
    given = in_blocks(lies, given)
    made = played(lies, given, share, mask)
    assert largest(made - wanted) < bound(native, whole)
    assert torch.equal(made[share == 0], given.maps.double()[share == 0])


@pytest.mark.parametrize("seed", range(6))
def test_the_chain_of_the_seed_system_is_its_own_to_the_bit(native, seed):
    given = rounded(case("canvas_chain", seed), native.source)
    share = (torch.rand(len(given.maps)) < 0.7).float()
    wanted = given.applied().to(DTYPES[native.source]).double()
    made = played(filled(given.maps, native.source, border=seed % 3), given, share)
    assert torch.equal(made[share == 1], wanted[share == 1])
    assert torch.equal(made[share == 0], given.maps.double()[share == 0])


def test_a_chain_takes_its_share_of_the_whole(native):
    given = rounded(case("canvas_chain", 1, channels=50), native.source)
    share, mask = torch.rand(50), torch.rand(given.maps.shape[1:])
    wanted = given.maps.lerp(given.applied(), share[:, None, None] * mask)
    made = played(filled(given.maps, native.source, border=1), given, share, mask)
    assert largest(made - wanted) < bound(native, wanted)


@pytest.mark.parametrize("border", BORDERS)
def test_positions_that_are_far_or_no_numbers_read_something(native, border):
    maps = torch.randn(3, 5, 7)
    for place in (1e30, -1e30, float("nan"), float("inf")):
        lies = filled(maps, native.source)
        blocks = Blocks(lies, Rooms())
        blocks.resample(torch.full([5, 7, 2], place), border)
        blocks.run()
        assert values_of(lies).isfinite().all()


def test_what_does_not_fit_is_refused(native):
    blocks = Blocks(filled(torch.randn(3, 5, 7), native.source), Rooms())
    with pytest.raises(ValueError, match="share of"):
        blocks.choose(torch.ones(4), None)
    with pytest.raises(ValueError, match="share of"):
        blocks.choose(None, torch.ones(7, 5))
    with pytest.raises(ValueError, match="positions"):
        blocks.resample(torch.zeros(7, 5, 2), "edge")
    with pytest.raises(ValueError, match="copy of"):
        blocks.mix_with(torch.zeros(10), share=0.5)


def test_steps_that_could_not_be_written_down_whole_are_taken_back(native):
    blocks = Blocks(filled(torch.randn(3, 5, 7), native.source), Rooms())
    blocks.scale_and_add(1, 0)
    with contextlib.suppress(RuntimeError), blocks.whole_or_not():
        blocks.scale_and_add(2, 0)
        raise RuntimeError
    assert len(blocks) == 1


def test_rooms_grow_and_are_kept():
    rooms = Rooms()
    small = rooms(0, 10)
    assert rooms(0, 5) is small
    assert rooms(0, 1000).nbytes >= 1000
    assert rooms(1, 10) is not small


def test_a_random_order_of_bends_plays_as_they_do_one_by_one(native):
    rng = random.Random(5)
    givens = [case(kind, 7, channels=50) for kind in ("multiply", "add", "ablate", "clamp")]
    maps = givens[0].maps
    lies = filled(maps, native.source)
    blocks, wanted = Blocks(lies, Rooms()), maps.to(DTYPES[native.source]).double()
    rng.shuffle(givens)
    for given in givens:
        given.bend.in_blocks(blocks, given.amounts, given.site)
        wanted = given._replace(maps=wanted).wanted
    blocks.run()
    assert largest(values_of(lies) - wanted) < bound(native, wanted)
