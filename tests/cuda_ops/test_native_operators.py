"""Single operators play natively where the kernels know the call, and nowhere else."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode

import cuda_ops
from cuda_ops import library, portable, reference
from cuda_ops.cpu import filtered_lrelu, filtered_lrelu_gradient, kernels
from tests.cuda_ops.native_rig import down_filter, relative_error

pytestmark = [
    pytest.mark.usefixtures("any_kernels"),
    # Of torch, about itself.
    pytest.mark.filterwarnings("ignore:.torch.jit.* is deprecated:DeprecationWarning"),
]


@pytest.fixture
def only_native(monkeypatch):
    """Whoever plays the portable path fails."""

    def refuse(*_):
        raise AssertionError("the portable path was called")

    monkeypatch.setattr(portable, "filtered_lrelu", refuse)
    monkeypatch.setattr(portable, "filtered_lrelu_gradient", refuse)


@pytest.fixture
def never_native(monkeypatch):
    """Whoever plays native kernels fails."""

    def refuse(*_):
        raise AssertionError("the native kernels were called")

    monkeypatch.setattr(filtered_lrelu.Plan, "__call__", refuse)
    monkeypatch.setattr(filtered_lrelu_gradient.Plan, "__call__", refuse)


def up_filter(factor):
    taps = torch.rand(6 * factor)
    return taps / taps.sum()


def known_call(seed):
    """A picture and options that the kernels know."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    up, low = rng.choice([2, 4]), rng.randint(-3, 14)
    x = torch.randn(rng.randint(1, 3), rng.randint(1, 70), rng.randint(12, 40), rng.randint(12, 40))
    return x, {
        "fu": up_filter(up),
        "fd": down_filter(rng.randint(0, 4)),
        "b": rng.choice([None, torch.randn(x.shape[1])]),
        "up": up,
        "down": 2,
        "padding": [low, rng.randint(-2, 12), low, rng.randint(-2, 12)],
        "gain": rng.choice([2**0.5, 1.0]),
        "slope": rng.choice([0.2, 0.0, 1.0, -0.5]),
        "clamp": rng.choice([None, 0.5]),
        "flip_filter": rng.random() < 0.5,
    }


def exact(x, options):
    doubles = {k: v.double() if isinstance(v, Tensor) else v for k, v in options.items()}
    return reference.filtered_lrelu(x.double(), **doubles)


def simple_call(**changes):
    torch.manual_seed(0)
    options = {"fu": up_filter(2), "fd": down_filter(0), "up": 2, "down": 2, "padding": 9}
    return torch.randn(1, 3, 20, 24), options | changes


@pytest.mark.usefixtures("only_native")
@pytest.mark.parametrize("seed", range(16))
def test_filtered_lrelu_plays_natively_and_equals_the_reference(seed, monkeypatch):
    # So little room makes several turns of a few channels each.
    monkeypatch.setattr(filtered_lrelu, "_ROOM_BYTES", (200_000, 2 << 20)[seed % 2])
    x, options = known_call(seed)
    assert relative_error(cuda_ops.filtered_lrelu(x, **options), exact(x, options)) < 1e-6


@pytest.mark.usefixtures("only_native")
@pytest.mark.parametrize(
    ("dtype", "bound"), [(torch.bfloat16, 3e-3), (torch.float16, 4e-4)], ids=["bf16", "f16"]
)
@pytest.mark.parametrize("bias", [None, torch.linspace(-1, 1, 40)], ids=["no bias", "bias"])
def test_half_precision_is_computed_in_float32_and_rounded_once(dtype, bound, bias):
    x, options = simple_call(b=bias)
    x = torch.randn(2, 40, 20, 24).to(dtype)
    result = cuda_ops.filtered_lrelu(x, **options)
    assert result.dtype == dtype
    assert relative_error(result, exact(x, options)) < bound


@pytest.mark.usefixtures("only_native")
def test_a_radial_filter_keeps_a_flat_picture_flat():
    across = torch.arange(12, dtype=torch.float64) - 5.5
    radius = torch.hypot(across[:, None], across)
    fd = torch.special.bessel_j1(radius) / radius * torch.exp(-(radius**2) / 20)
    x, options = simple_call(fd=(fd / fd.sum()).float())
    x = torch.full_like(x, 3.0)
    assert relative_error(cuda_ops.filtered_lrelu(x, **options), exact(x, options)) < 1e-5


@pytest.mark.usefixtures("only_native")
@pytest.mark.parametrize(
    "strided",
    [
        lambda x: x.to(memory_format=torch.channels_last),
        lambda x: x.transpose(2, 3),
        lambda x: x[:, ::2, 1:, ::2],
        lambda x: x[:1].expand(3, -1, -1, -1),
    ],
    ids=["channels last", "transposed", "sliced", "expanded"],
)
@pytest.mark.parametrize("bias", [None, 1.5], ids=["no bias", "bias"])
def test_how_a_picture_lies_in_memory_changes_nothing(strided, bias):
    x, options = simple_call()
    x = strided(torch.randn(2, 6, 40, 44))
    options["b"] = None if bias is None else torch.full([x.shape[1]], bias)
    result = cuda_ops.filtered_lrelu(x, **options)
    assert result.is_contiguous()
    assert relative_error(result, exact(x, options)) < 1e-6


UNKNOWN = {
    "other up-filter": {"fu": torch.rand(10)},
    "2-D up-filter": {"fu": torch.rand(12, 12)},
    "no up-filter": {"fu": None, "up": 1},
    "up by 3": {"fu": torch.rand(18), "up": 3},
    "other down-filter": {"fd": torch.rand(8)},
    "oblong down-filter": {"fd": torch.rand(12, 11)},
    "down-filter of too many products": {"fd": torch.eye(12)},
    "down-filter of products that are not symmetric": {"fd": torch.rand(12, 2) @ torch.rand(2, 12)},
    "no down-filter": {"fd": None, "down": 1},
    "down by 1": {"down": 1},
    "axes that begin apart": {"padding": [9, 9, 8, 9]},
    "negative gain": {"gain": -1.0},
    "steep slope": {"slope": 1.5},
    "negative clamp": {"clamp": -0.5},
}


@pytest.mark.usefixtures("never_native")
@pytest.mark.parametrize("changes", UNKNOWN.values(), ids=UNKNOWN)
def test_what_the_kernels_do_not_know_plays_in_torch(changes):
    x, options = simple_call(**changes)
    assert relative_error(cuda_ops.filtered_lrelu(x, **options), exact(x, options)) < 1e-5


@pytest.mark.usefixtures("never_native")
def test_double_precision_and_no_pictures_at_all_play_in_torch():
    x, options = simple_call()
    doubles = {k: v.double() if isinstance(v, Tensor) else v for k, v in options.items()}
    assert cuda_ops.filtered_lrelu(x.double(), **doubles).dtype == torch.float64
    assert len(cuda_ops.filtered_lrelu(x[:0], **options)) == 0


@pytest.mark.usefixtures("never_native")
@pytest.mark.parametrize("path", ["portable", "reference"])
def test_another_choice_goes_before_native_kernels(path):
    x, options = simple_call()
    with cuda_ops.choose(path):
        cuda_ops.filtered_lrelu(x, **options)


@pytest.mark.usefixtures("only_native")
@pytest.mark.parametrize("wanted", ["x", "b"])
def test_where_a_gradient_is_wanted_the_kernels_play_there_and_back(wanted):
    x, options = simple_call(b=torch.zeros(3))
    given = options | {"x": x}
    given[wanted] = given[wanted].requires_grad_()
    cuda_ops.filtered_lrelu(**given).sum().backward()
    assert given[wanted].grad.abs().sum() > 0


@pytest.mark.usefixtures("never_native")
def test_a_filter_that_learns_plays_in_torch():
    x, options = simple_call()
    options["fd"].requires_grad_()
    cuda_ops.filtered_lrelu(x, **options).sum().backward()
    assert options["fd"].grad.abs().sum() > 0


@pytest.mark.usefixtures("only_native")
def test_parameters_whose_gradient_nobody_wants_now_play_natively():
    x, options = simple_call(b=torch.nn.Parameter(torch.zeros(3)))
    with torch.no_grad():
        assert cuda_ops.filtered_lrelu(x, **options).isfinite().all()


class Counting(TorchDispatchMode):
    """Sees every operation of torch."""

    calls = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.calls += 1
        return operation(*args, **(kwargs or {}))


@pytest.mark.usefixtures("never_native")
def test_who_looks_at_all_operations_sees_those_of_torch():
    x, options = simple_call()
    with Counting() as counting:
        cuda_ops.filtered_lrelu(x, **options)
    assert counting.calls > 5


@pytest.mark.usefixtures("never_native")
def test_tangents_go_through_torch():
    x, options = simple_call()
    tangent = x.flip(3)

    def play(x):
        return cuda_ops.filtered_lrelu(x, **options)

    with forward_ad.dual_level():
        carried = forward_ad.unpack_dual(play(forward_ad.make_dual(x, tangent))).tangent
    assert relative_error(torch.func.jvp(play, (x,), (tangent,))[1], carried.double()) < 1e-6
    doubled = torch.func.jvp(lambda x: play(2 * x), (x / 2,), (tangent,))[1]
    assert relative_error(doubled, 2 * carried.double()) < 1e-6


def test_a_trace_by_torch_jit_is_no_plain_call():
    seen = []

    def double(x):
        seen.append(library.is_plain(x))
        return x * 2

    torch.jit.trace(double, torch.ones(2), check_trace=False)
    assert seen == [False]
    double(torch.ones(2))
    assert seen == [False, True]


@pytest.mark.usefixtures("only_native")
def test_a_filter_changed_in_place_is_noticed():
    x, options = simple_call()
    before = cuda_ops.filtered_lrelu(x, **options)
    options["fd"].mul_(2)
    torch.testing.assert_close(cuda_ops.filtered_lrelu(x, **options), before * 4)


@pytest.mark.usefixtures("only_native")
def test_what_inference_mode_played_plays_outside_it_too():
    x, options = simple_call(b=torch.ones(3))
    with torch.inference_mode():
        expected = cuda_ops.filtered_lrelu(x, **options)
    assert torch.equal(cuda_ops.filtered_lrelu(x, **options), expected)


@pytest.mark.usefixtures("only_native")
def test_a_bias_for_other_channels_is_refused():
    x, options = simple_call(b=torch.zeros(4))
    with pytest.raises(RuntimeError, match="size"):
        cuda_ops.filtered_lrelu(x, **options)


@pytest.mark.parametrize("side", [1, 3])
def test_a_picture_too_small_for_the_filters_is_refused_in_words(side):
    x, options = simple_call(padding=0)
    with pytest.raises(ValueError, match="leaves no pixels"):
        cuda_ops.filtered_lrelu(x[:, :, :side, :side], **options)


@pytest.mark.usefixtures("only_native", "usual_threads")
def test_calls_from_several_threads_take_turns(monkeypatch):
    kernels.set_threads(2)
    monkeypatch.setattr(filtered_lrelu, "_ROOM_BYTES", 200_000)
    calls = [known_call(seed) for seed in range(4)] * 2
    expected = [cuda_ops.filtered_lrelu(x, **options) for x, options in calls]

    def play(number):
        x, options = calls[number % len(calls)]
        return torch.equal(cuda_ops.filtered_lrelu(x, **options), expected[number % len(calls)])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(play, range(80)))


@pytest.mark.usefixtures("only_native")
def test_plans_are_remembered_in_bounded_number():
    filtered_lrelu._plan.cache_clear()
    x, options = simple_call()
    for _ in range(2):
        for side in (14, 15, 16):
            cuda_ops.filtered_lrelu(x[..., :side], **options)
    counts = filtered_lrelu._plan.cache_info()
    assert (counts.hits, counts.misses) == (3, 3)
    assert counts.maxsize is not None


@pytest.mark.usefixtures("only_native")
def test_what_is_not_a_number_stays_within_reach_of_its_filters():
    x, options = simple_call(clamp=256)
    before = cuda_ops.filtered_lrelu(x, **options)
    x[0, 1, 10, 10] = torch.nan
    after = cuda_ops.filtered_lrelu(x, **options)
    assert torch.equal(after[:, [0, 2]], before[:, [0, 2]])
    assert torch.equal(after[0, 1, :4], before[0, 1, :4])
    assert not torch.equal(after[0, 1, 10], before[0, 1, 10])
