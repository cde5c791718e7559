"""The gradient of a filtered leaky ReLU equals that of the float64 reference, whichever path."""

import random

import pytest
import torch
from torch import Tensor

import cuda_ops
from cuda_ops import reference
from tests.cuda_ops.native_rig import down_filter, relative_error


def random_call(seed):
    """A picture, and options of which some are StyleGAN3's; odd sizes, crops, any slope."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    up, down = rng.choice([1, 2, 2, 4]), rng.choice([1, 2, 2, 2])
    low_x, low_y = rng.randint(-3, 14), rng.randint(-3, 14)
    x = torch.randn(rng.randint(1, 3), rng.randint(1, 40), rng.randint(12, 40), rng.randint(12, 40))
    fu = torch.rand(6 * up)
    return x, {
        "fu": fu / fu.sum() if rng.random() < 0.9 else None,
        "fd": down_filter(rng.randint(0, 4)) if rng.random() < 0.9 else None,
        "b": rng.choice([None, torch.randn(x.shape[1])]),
        "up": up,
        "down": down,
        "padding": [low_x, rng.randint(-2, 12), low_y, rng.randint(-2, 12)],
        "gain": rng.choice([2**0.5, 1.0, -1.0]),
        "slope": rng.choice([0.2, 0.0, 1.0, -0.5]),
        "clamp": rng.choice([None, 0.5]),
        "flip_filter": rng.random() < 0.5,
    }


def gradients(function, x, options):
    """Of x and of the bias, where there is one, for a fixed gradient of the result."""
    wanted = [t.detach().requires_grad_() for t in (x, options["b"]) if t is not None]
    given = options | {"b": wanted[1] if len(wanted) > 1 else None}
    y = function(wanted[0], **given)
    torch.manual_seed(1)
    return torch.autograd.grad(y, wanted, torch.randn(y.shape, dtype=torch.float64).to(y.dtype))


def exact_gradients(x, options):
    doubles = {k: v.double() if isinstance(v, Tensor) else v for k, v in options.items()}
    return gradients(reference.filtered_lrelu, x.double(), doubles)


def check(x, options, bound=1e-5):
    found = gradients(cuda_ops.filtered_lrelu, x, options)
    for one, expected in zip(found, exact_gradients(x, options), strict=True):
        assert relative_error(one, expected) < bound


@pytest.mark.parametrize("seed", range(24))
def test_the_portable_gradient_equals_the_reference(seed):
    with cuda_ops.choose("portable"):
        check(*random_call(seed))
