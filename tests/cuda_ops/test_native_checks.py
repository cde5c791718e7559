"""What does not go together is refused when it is written down, and never writes past a map."""

import pytest
import torch

from cuda_ops.cpu.filters import Separable, gained
from cuda_ops.cpu.maps import NOWHERE, Map, slots_of
from cuda_ops.cpu.program import Program
from cuda_ops.cpu.steps import BFLOAT16, FLOAT32, HALF
from cuda_ops.styled_layer import StyledLayer

pytestmark = pytest.mark.usefixtures("own")

ONES = torch.ones(64)
SIZE = (6, 7)


def of(channels, size=SIZE, kind=FLOAT32, border=0):
    return Map(kind, slots_of(channels), size, border)


def refuses(message):
    return pytest.raises(ValueError, match=message)


def test_memory_that_is_too_small_for_a_map_is_refused():
    enough = of(3).bytes
    Map(FLOAT32, slots_of(3), SIZE, memory=torch.zeros(enough, dtype=torch.uint8))
    with refuses(f"{enough} bytes does not fit in {enough - 1}"):
        Map(FLOAT32, slots_of(3), SIZE, memory=torch.zeros(enough - 1, dtype=torch.uint8))
    Map(FLOAT32, slots_of(3), SIZE, memory=NOWHERE)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (torch.zeros(3, 6, 8), r"must be \[3, 6, 7\], not \[3, 6, 8\]"),
        (torch.zeros(4, 6, 7), r"must be \[3, 6, 7\], not \[4, 6, 7\]"),
        (torch.zeros(3, 6, 7).double(), "plain float32"),
        (torch.zeros(3, 7, 6).transpose(1, 2), "plain float32"),
        (torch.zeros(3, 6, 7, device="meta"), "on the processor"),
    ],
)
def test_a_picture_of_another_shape_is_neither_packed_nor_unpacked(picture, message):
    program = Program()
    with refuses(message):
        program.pack(picture, of(3))
    with refuses(message):
        program.unpack(of(3), picture)
    assert len(program) == 0


def test_one_number_for_each_slot_is_asked_for():
    with refuses("for 64 slots, not for 63"):
        Program().pack(None, of(33), torch.ones(63))
    with refuses("plain float32"):
        Program().pack(None, of(33), torch.ones(64).double())


def test_tables_of_waves_must_be_as_large_as_their_map():
    across, down = torch.zeros(7, 32), torch.zeros(6, 32)
    Program().waves((across, across, down, down), of(3))
    with refuses(r"must be \[6, 32\], not \[7, 32\]"):
        Program().waves((across, across, down, across), of(3))
    with refuses(r"must be \[7, 64\], not \[7, 32\]"):
        Program().waves((across, across, down, down), of(33))


@pytest.mark.parametrize(
    ("source", "out", "first_block", "message"),
    [
        (of(40), of(3), 0, "room for 1 blocks, not for 2"),
        (of(3), of(40), 2, "room for 2 blocks, not for 3"),
        (of(3, kind=BFLOAT16), of(3), 0, "must be float32.*not bfloat16"),
    ],
)
def test_what_has_no_room_for_a_mirrored_map_is_refused(source, out, first_block, message):
    with refuses(message):
        Program().mirror(source, out, ONES, ONES, first_block)


def kernel(outputs, inputs, height=3, width=3):
    return torch.zeros(outputs, inputs, height, width)


@pytest.mark.parametrize(
    ("weights", "out", "options", "message"),
    [
        (kernel(3, 4), of(3), {}, "4 inputs does not fit 5 channels"),
        (kernel(3, 5, 3, 1), of(3), {}, "square, not 3 by 1"),
        (kernel(3, 5), of(3, (8, 7)), {}, "must be 6 by 7, not 8 by 7"),
        (kernel(3, 5), of(3), {"stride": 2}, "must be 3 by 4, not 6 by 7"),
        (kernel(3, 5), of(3), {"padding": 2}, "not within a border of 1"),
        (kernel(3, 5), of(3), {"padding": -1}, "not within a border of 1"),
        (kernel(33, 5), of(3), {}, "room for 1 blocks, not for 2"),
        (kernel(65, 5), of(65), {}, "for 96 slots, not for 64"),
        (kernel(3, 5), of(3), {"branch": of(3, (5, 7))}, "'branch'.* must be 6 by 7, not 5 by 7"),
        (kernel(33, 5), of(33), {"branch": of(3)}, "'branch' has room for 1 blocks"),
        (kernel(3, 5), of(3), {"branch": of(3, kind=BFLOAT16)}, "not bfloat16"),
        (kernel(3, 5), of(3), {"second": (of(3, (6, 8)), ONES, ONES)}, "not 6 by 8"),
        (kernel(3, 5), of(3), {"second": (of(3, kind=BFLOAT16), ONES, ONES)}, "be float32, not bf"),
        (kernel(3, 5), of(3), {"second": (of(3), ONES[:9], ONES)}, "for 32 slots, not for 9"),
    ],
)
def test_a_convolution_whose_maps_do_not_fit_is_refused(weights, out, options, message):
    program = Program()
    with refuses(message):
        program.convolve(of(5, border=1), weights, out, ONES, ONES, **options)
    assert len(program) == 0


def test_a_convolution_of_a_type_that_is_not_multiplied_is_refused():
    with refuses("the input of a convolution must be float32.*, not float16"):
        Program().convolve(of(5, kind=HALF), kernel(3, 5, 1, 1), of(3), ONES, ONES)


@pytest.mark.parametrize(
    ("outputs", "size", "message"),
    [(3, (6, 8), r"must be \[3, 6, 7\]"), (33, SIZE, "room for 1 blocks, not for 2")],
)
def test_a_picture_that_does_not_fit_is_not_painted(outputs, size, message):
    picture = torch.zeros(outputs, *size)
    with refuses(message):
        Program().paint(of(5, border=1), kernel(outputs, 5), picture, ONES, ONES, None)


TAPS, PLAIN = gained(torch.ones(12), 2, 1.0), Separable(torch.ones(1, 12), torch.ones(1, 12))
LOPSIDED = Separable(torch.ones(2, 12), torch.arange(24.0).view(2, 12))


@pytest.mark.parametrize(
    ("source", "out", "up", "down", "factor", "message"),
    [
        (of(3, kind=BFLOAT16), of(3), TAPS, PLAIN, 2, "the input of filters must be float32"),
        (of(3), of(3, kind=HALF), TAPS, PLAIN, 2, "must be float32 or bfloat16, not float16"),
        (of(33), of(3), TAPS, PLAIN, 2, "room for 1 blocks, not for 2"),
        (of(3), of(3), TAPS, PLAIN, 3, "2 or 4, not 3"),
        (of(3), of(3), TAPS, PLAIN, 4, r"must be \[24\], not \[12\]"),
        (of(3), of(3), TAPS.double(), PLAIN, 2, "plain float32"),
        (of(3), of(3), TAPS, Separable(torch.ones(5, 12), torch.ones(5, 12)), 2, "not 5"),
        (of(3), of(3), TAPS, Separable(torch.ones(2, 12), torch.ones(1, 12)), 2, r"\[2, 12\]"),
        (of(3), of(3), TAPS, Separable(torch.ones(1, 8), torch.ones(1, 8)), 2, r"\[1, 12\]"),
        (of(3), of(3), TAPS, LOPSIDED, 2, "symmetric"),
    ],
)
def test_filters_that_do_not_fit_are_refused(source, out, up, down, factor, message):
    with refuses(message):
        Program().filtered_lrelu(
            source, out, up, down, ONES, factor=factor, padding=9, slope=0.2, clamp=None
        )


def layer_steps(program, between, read):
    """A convolution to one map, and filters of another."""
    program.convolve(of(5, border=2), kernel(3, 5), between, ONES, ONES)
    return program.filtered_lrelu(
        read, of(3), TAPS, PLAIN, ONES, factor=2, padding=9, slope=0.2, clamp=None
    )


def test_steps_that_are_no_layer_are_not_joined():
    program = Program()
    wide = Map(FLOAT32, slots_of(3), (8, 9), pitch=11)
    first = layer_steps(program, wide, wide)
    second = layer_steps(program, wide, of(3, (8, 9)))
    with refuses("the map that its other steps write"):
        program.join(second, None)
    with refuses("in this order"):
        program.join(first, None)
    in_rows = layer_steps(program, of(3, (8, 9)), of(3, (8, 9)))
    with refuses("in one run"):
        program.join(in_rows, None)
    assert len(program) == 6
    program.join(layer_steps(program, wide, wide), None)
    assert len(program) == 7


STYLED = {
    "w": torch.zeros(4),
    "weight": torch.zeros(33, 4),
    "bias": torch.zeros(33),
    "energy": torch.zeros(2, 33),
    "length": 1.0,
    "gain": 1.0,
    "in_slots": slots_of(33),
    "out_slots": slots_of(2),
    "styles": torch.zeros(64),
    "gains": torch.zeros(32),
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("w", torch.zeros(5)),
        ("weight", torch.zeros(33, 5)),
        ("bias", torch.zeros(32)),
        ("energy", torch.zeros(3, 33)),
        ("styles", torch.zeros(63)),
        ("gains", torch.zeros(31)),
        ("gains", torch.zeros(32).double()),
    ],
)
def test_a_styled_layer_whose_tensors_do_not_fit_is_refused(name, value):
    Program().styles([StyledLayer(**STYLED)])
    with refuses("must"):
        Program().styles([StyledLayer(**STYLED | {name: value})])
