"""The gradient of a correlation in bfloat16 is that of torch in float64."""

import pytest
import torch

from cuda_ops.correlate import correlate


@pytest.mark.parametrize(("side", "padding"), [(3, 2), (3, 0), (3, 1), (1, 0)])
def test_its_gradients_are_those_of_float64(side: int, padding: int) -> None:
    random = torch.Generator().manual_seed(side + padding)
    x = torch.randn(3, 5, 9, 12, generator=random).bfloat16().requires_grad_()
    kernel = torch.randn(7, 5, side, side, generator=random).bfloat16().requires_grad_()
    exact = [tensor.detach().double().requires_grad_() for tensor in (x, kernel)]

    made = correlate(x, kernel, padding)
    wanted = torch.nn.functional.conv2d(exact[0], exact[1], padding=padding)
    slopes = torch.randn(made.shape, generator=random).bfloat16()
    made.backward(slopes)
    wanted.backward(slopes.double())

    for found, true in zip((x, kernel), exact, strict=True):
        assert found.grad is not None
        assert true.grad is not None
        error = (found.grad.double() - true.grad).norm() / true.grad.norm()
        assert error < 5e-3


def test_what_learns_nothing_has_no_gradient() -> None:
    x = torch.randn(1, 2, 6, 6).bfloat16().requires_grad_()
    kernel = torch.randn(3, 2, 3, 3).bfloat16()
    correlate(x, kernel, 2).sum().backward()
    assert x.grad is not None
    assert kernel.grad is None
