"""The public operators have right first and second derivatives."""

import pytest
import torch

import cuda_ops
from cuda_ops import activations

PADDING = [2, 1, 0, 3]


def doubles(*shape):
    torch.manual_seed(sum(shape))
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def taps(*shape):
    torch.manual_seed(7)
    return torch.rand(*shape, dtype=torch.float64)


def check_both_derivatives(function, *inputs):
    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


@pytest.mark.parametrize("f", [None, taps(5), taps(3, 4)], ids=["none", "separable", "2-D"])
@pytest.mark.parametrize("flip", [False, True])
def test_resampling_has_right_derivatives(f, flip):
    def function(x):
        return cuda_ops.upfirdn2d(x, f, [2, 3], [3, 2], PADDING, flip, gain=1.5)

    check_both_derivatives(function, doubles(1, 2, 6, 5))


@pytest.mark.parametrize("act", activations.ACTIVATIONS)
def test_bias_and_activation_have_right_derivatives(act):
    def function(x, b):
        return cuda_ops.bias_act(x, b, dim=1, act=act, gain=1.3, clamp=0.9)

    check_both_derivatives(function, doubles(2, 3, 4), doubles(3))


@pytest.mark.parametrize("fd", [taps(4), taps(3, 4)], ids=["separable", "2-D"])
def test_filtered_lrelu_has_right_derivatives(fd):
    def function(x, b):
        return cuda_ops.filtered_lrelu(x, taps(6), fd, b, 2, 2, PADDING, clamp=1.5)

    check_both_derivatives(function, doubles(2, 2, 5, 6), doubles(2))


@pytest.mark.parametrize(("up", "down", "size"), [(1, 1, 3), (2, 1, 3), (1, 2, 3), (2, 1, 1)])
def test_stylegan2_convolution_has_right_derivatives(up, down, size):
    def function(x, w, s):
        return cuda_ops.modulated_conv2d_stylegan2(
            x, w, s, up=up, down=down, padding=size // 2, resample_filter=taps(4)
        )

    inputs = doubles(2, 2, 4, 4), doubles(3, 2, size, size), doubles(2, 2)
    check_both_derivatives(function, *inputs)


@pytest.mark.parametrize("batch", [1, 2])
def test_stylegan3_convolution_has_right_derivatives(batch):
    def function(x, w, s, gain):
        return cuda_ops.modulated_conv2d_stylegan3(x, w, s, padding=2, input_gain=gain)

    inputs = doubles(batch, 2, 3, 4), doubles(3, 2, 3, 3), doubles(batch, 2), doubles(2)
    check_both_derivatives(function, *inputs)


def test_a_filter_that_wants_a_gradient_gets_one():
    x = torch.randn(1, 2, 9, 9, dtype=torch.float64)
    f = doubles(4)
    assert torch.autograd.gradcheck(lambda f: cuda_ops.upfirdn2d(x, f, down=2), f)
    assert torch.autograd.gradcheck(lambda f: cuda_ops.filtered_lrelu(x, f, f, up=2, down=2), f)


def test_both_paths_give_the_same_gradients():
    x, b = doubles(2, 3, 12, 11), doubles(3)
    gradients = []
    for path in ("reference", "auto"):
        with cuda_ops.choose(path):
            y = cuda_ops.filtered_lrelu(x, taps(12), taps(12, 12), b, 4, 2, [8, 9, 7, 3], clamp=1)
        gradients.append(torch.autograd.grad(y.square().sum(), (x, b)))
    torch.testing.assert_close(*gradients)
