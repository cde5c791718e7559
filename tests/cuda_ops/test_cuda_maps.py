"""The smaller CUDA kernels, run on the processor, do what torch does in float64."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cuda_ops import reference
from cuda_ops.cuda import frames, maps, upfirdn2d
from cuda_ops.cuda.kinds import BFLOAT, HALF, SINGLE, Kind, empty_map, slot_count, slots_of, spread
from cuda_ops.cuda.styles import styles
from cuda_ops.styled_layer import StyledLayer
from model.layers import mirror_pad
from performer.pictures import into_frame, to_tensor
from performer.post.levels import Levels
from tests.cuda_ops.emulation.engine import Emulator
from tests.cuda_ops.native_rig import relative_error

CPU = torch.device("cpu")
BOUNDS = {SINGLE: 2e-6, HALF: 5e-4, BFLOAT: 4e-3}


@pytest.fixture(params=[SINGLE, HALF, BFLOAT], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


def _random(kind: Kind, channels: int, height: int = 7, width: int = 9) -> Tensor:
    """A map, with noise in the slots of its channels."""
    made = empty_map(kind, slot_count(channels), (height, width), CPU)
    made[:, :channels] = torch.randn(1, channels, height, width)
    return made


def _by_slot(channels: int) -> Tensor:
    return spread(torch.randn(channels), slots_of(channels), slot_count(channels))


def _column(values: Tensor) -> Tensor:
    return values.double()[:, None, None]


def test_what_follows_a_convolution(emulator: Emulator, kind: Kind) -> None:
    source, branch, out, second = (_random(kind, 13) for _ in range(4))
    gain, bias, again, more = (_by_slot(13) for _ in range(4))
    maps.finish(
        emulator,
        kind,
        source,
        out,
        gain,
        bias,
        slope=0.2,
        clamp=1.0,
        branch=branch,
        branch_slope=0.1,
        second=(second, again, more),
    )()
    x = F.leaky_relu(source.double() * _column(gain) + _column(bias), 0.2).clamp(-1, 1)
    x = F.leaky_relu(x + branch.double(), 0.1)
    assert relative_error(out, x) < BOUNDS[kind]
    assert relative_error(second, x * _column(again) + _column(more)) < BOUNDS[kind]


def test_what_follows_may_be_nothing(emulator: Emulator, kind: Kind) -> None:
    source, out = _random(kind, 5), _random(kind, 5)
    maps.finish(emulator, kind, source, out)()
    assert torch.equal(out, source)


@pytest.mark.parametrize("margin", [0, 4, 20])
def test_mirrored_borders(emulator: Emulator, kind: Kind, margin: int) -> None:
    source, gain = _random(kind, 5), _by_slot(5)
    out = empty_map(kind, 8, (7 + 2 * margin, 9 + 2 * margin), CPU)
    maps.mirror(emulator, kind, source, out, gain, margin)()
    expected = mirror_pad(source.double() * _column(gain), margin)
    assert relative_error(out, expected) < BOUNDS[kind]


def test_waves(emulator: Emulator, kind: Kind) -> None:
    freqs, phases, amplitudes = torch.randn(6, 2) * 2, torch.rand(6), torch.rand(6)
    out = empty_map(kind, 8, (10, 13), CPU)
    maps.waves(emulator, kind, out, freqs, phases, amplitudes, rate=16.0)()
    x = (torch.arange(13) + 0.5 - 6.5).double() / 16
    y = (torch.arange(10) + 0.5 - 5).double() / 16
    turns = freqs[:, 0, None, None] * x + freqs[:, 1, None, None] * y[:, None] + _column(phases)
    expected = torch.sin(turns * 2 * math.pi) * _column(amplitudes)
    assert relative_error(out[0, :6], expected) < BOUNDS[kind]
    assert not out[0, 6:].any()


def test_planes_to_maps_and_back(emulator: Emulator, kind: Kind) -> None:
    planes, out = torch.randn(5, 7, 9), _random(kind, 5)
    maps.pack(emulator, kind, planes, out, 5)()
    assert torch.equal(out[0, :5], planes.to(kind.dtype))
    assert not out[0, 5:].any()
    gain, bias, painted = _by_slot(5), _by_slot(5), torch.full((3, 7, 9), math.nan)
    maps.paint(emulator, kind, out, painted, gain, bias, clamp=1.0, scale=0.25)()
    expected = (out.double() * _column(gain) + _column(bias)).clamp(-1, 1)[0, :3] / 4
    assert relative_error(painted, expected) < BOUNDS[SINGLE]


def _layer(inputs: int, outputs: int, demodulates: bool) -> StyledLayer:
    return StyledLayer(
        w=torch.randn(20),
        weight=torch.randn(inputs, 20),
        bias=torch.randn(inputs),
        energy=torch.rand(outputs, inputs) if demodulates else None,
        length=3.0,
        gain=0.7,
        in_slots=slots_of(inputs - 3, 3).int(),
        out_slots=slots_of(outputs).int(),
        styles=torch.zeros(slot_count(inputs - 3) + 8),
        gains=torch.full([slot_count(outputs)], 5.0),
    )


def test_styles_and_gains_of_several_layers(emulator: Emulator) -> None:
    layers = [_layer(40, 5, True), _layer(7, 50, True), _layer(9, 3, False)]
    for step in styles(emulator, layers):
        step()
    for layer in layers:
        s = layer.weight.double() @ layer.w.double() + layer.bias
        if layer.energy is not None:
            s = s / s.square().mean().sqrt()
            energy = layer.energy.double() @ s.square()
            expected = layer.gain * layer.length * (layer.length**2 * energy + 1e-8).rsqrt()
            assert relative_error(layer.gains[layer.out_slots.long()], expected) < 1e-6
        else:
            assert (layer.gains == 5).all()
        assert relative_error(layer.styles[layer.in_slots.long()], s) < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize(
    ("up", "down", "padding"),
    [(2, 1, [2, 1, 2, 1]), (1, 2, [1, 1, 1, 1]), ((3, 2), (2, 3), [-1, 4, 3, -2])],
)
def test_upfirdn2d(
    emulator: Emulator,
    dtype: torch.dtype,
    order: torch.memory_format,
    up: int | tuple[int, int],
    down: int | tuple[int, int],
    padding: list[int],
) -> None:
    x = torch.randn(2, 5, 9, 11).to(dtype).contiguous(memory_format=order)
    for f in (torch.randn(4), torch.randn(3, 5)):
        step, out = upfirdn2d.upfirdn2d(emulator, x, f, up, down, padding, gain=1.5)
        step()
        expected = reference.upfirdn2d(x.double(), f.double(), up, down, padding, gain=1.5)
        assert out.is_contiguous(memory_format=order)
        assert relative_error(out, expected) < max(1e-6, torch.finfo(dtype).eps)


@pytest.mark.parametrize("layout", ["rgba", "bgra"])
def test_frames_are_the_same_bytes_as_from_the_processor(
    emulator: Emulator, layout: frames.Layout
) -> None:
    picture = torch.randn(3, 5, 6)
    out = torch.zeros(5, 6, 4, dtype=torch.uint8)
    frames.frame(emulator, picture, out, layout)()
    expected = np.zeros((5, 6, 4), np.uint8)
    into_frame(picture[None], expected)
    if layout == "bgra":
        expected = expected[..., [2, 1, 0, 3]]
    assert np.abs(out.numpy().astype(int) - expected.astype(int)).max() <= 1


def test_grey_and_primary_colours_in_uyvy(emulator: Emulator) -> None:
    colours = [(-1, -1, -1), (1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]
    # By ITU-R BT.709 in limited range: brightness, then blue's and red's difference.
    expected = [(16, 128, 128), (235, 128, 128), (63, 102, 240), (173, 42, 26), (32, 240, 118)]
    for colour, (y, u, v) in zip(colours, expected, strict=True):
        picture = torch.tensor(colour, dtype=torch.float32)[:, None, None].expand(3, 1, 2)
        out = torch.zeros(4, dtype=torch.uint8)
        frames.frame(emulator, picture.contiguous(), out, "uyvy")()
        assert np.abs(out.numpy().astype(int) - [u, y, v, y]).max() <= 1


def test_frames_that_cannot_be_are_refused(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="even width"):
        frames.frame(emulator, torch.zeros(3, 2, 3), torch.zeros(12, dtype=torch.uint8), "uyvy")
    with pytest.raises(ValueError, match="does not fit"):
        frames.frame(emulator, torch.zeros(3, 2, 3), torch.zeros(12, dtype=torch.uint8), "rgba")


GRADES = {
    "stretched": {"black": 0.2, "white": 0.7},
    "cut": {"black": 0.6, "white": 0.5},
    "lifted": {"gamma": 2.2},
    "darkened": {"gamma": 0.4, "gain": 1.5},
    "grey": {"saturation": 0.0},
    "all": {"black": 0.1, "white": 0.8, "gamma": 1.6, "gain": 0.7, "saturation": 2.0},
}


@pytest.mark.parametrize("grade", GRADES.values(), ids=GRADES.keys())
def test_levels_are_those_of_the_post(emulator: Emulator, grade: dict[str, float]) -> None:
    post, picture = Levels(Levels.Settings()), torch.randn(3, 20, 31)
    amounts, out = torch.zeros(5), torch.full_like(picture, math.nan)
    step = frames.levels(emulator, picture, out, amounts)
    values = post.settings.starts() | grade
    amounts.copy_(torch.tensor([values[name] for name in Levels.Settings.knobs()]))  # read anew
    step()
    assert relative_error(out, post.apply(picture.double()[None], values)[0]) < 1e-5


def test_footage_is_the_picture_that_it_is_on_the_processor(emulator: Emulator) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    out = torch.zeros(3, 5, 7)
    frames.footage(emulator, torch.from_numpy(pixels), out)()
    assert torch.allclose(out, to_tensor(pixels)[0], atol=1e-6)
