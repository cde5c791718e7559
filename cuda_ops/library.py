"""The operators as `torch.library` operators: with gradients, and opaque to a tracer.

Each public operator is ``torch.ops.cuda_ops.NAME`` too, with the same arguments. There its plain
reference is what runs on any device; on the processor and on CUDA the fast path runs instead,
unless `cuda_ops.choose` asked for the reference. Where an operator brings no formulas of its own,
the reference also yields its gradients and tells a tracer its shape.

The public functions come this way only when a gradient is wanted or a compiler traces; a plain call
to the path itself saves the dispatcher's tens of microseconds, and it alone may go to native
kernels, which a tracer or a derivative could not see into. Those that are composed of others
(the convolutions) never do: gradients and tracers see through them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, signature
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.autograd.forward_ad import unpack_dual

from cuda_ops import paths

# One number for `int[2]` or `int[4]` stands for each of them.
_SCHEMA_TYPES = {
    "Tensor": "Tensor",
    "Tensor | None": "Tensor?",
    "Scale": "int[2]",
    "Padding": "int[4]",
    "int": "int",
    "float": "float",
    "float | None": "float?",
    "bool": "bool",
    "str": "str",
}
_FAST_DEVICES = ("cpu", "cuda")

Gradients: TypeAlias = tuple[Tensor | None, ...]


class Gradient(NamedTuple):
    """A formula: what to keep of a call, and the gradients of its arguments from what was kept.

    They are the ``setup_context`` and ``backward`` of `torch.library.register_autograd`. What they
    compute goes through ``torch.ops.cuda_ops``, so that it can be differentiated and traced again.
    """

    keep: Callable[[Any, tuple[Any, ...], Tensor], None]
    backward: Callable[[Any, Tensor], Gradients]


def is_recorded(*tensors: Tensor | None) -> bool:
    """Whether a call on these tensors is being traced, or recorded for gradients."""
    if torch.compiler.is_compiling():
        return True
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def is_plain(*tensors: Tensor | None) -> bool:
    """Whether a call wants nothing of these tensors but their values, so that addresses will do.

    It does where somebody records or transforms it (gradients, tracers, `torch.func`), and where a
    tensor is of a class of its own.
    """
    given = [tensor for tensor in tensors if tensor is not None]
    if _is_observed() or is_recorded(*given):
        return False
    if any(type(tensor) not in (Tensor, nn.Parameter) for tensor in given):
        return False
    return all(unpack_dual(tensor).tangent is None for tensor in given)  # type: ignore[no-untyped-call]


def _is_observed() -> bool:
    """Whether some mode, transform or tracer sees every operation of torch."""
    transformed = torch._C._are_functorch_transforms_active()
    return bool(
        transformed or torch._C._len_torch_dispatch_stack() or torch._C._get_tracing_state()
    )


def register(
    plain: Callable[..., Tensor],
    fast: Callable[..., Tensor],
    *,
    fake: Callable[..., Tensor] | None = None,
    gradient: Gradient | None = None,
) -> Callable[..., Tensor]:
    """Make and return ``torch.ops.cuda_ops.NAME``, where NAME is that of the reference ``plain``.

    ``fast`` and ``fake`` take the same arguments in the same order; ``fake`` returns an empty
    tensor like the result. Without ``fake`` and ``gradient``, ``plain`` is traced for both.
    """

    def run_plain(*arguments: Any) -> Tensor:
        return plain(*arguments).contiguous()

    def run_chosen(*arguments: Any) -> Tensor:
        return (plain if paths.is_reference() else fast)(*arguments).contiguous()

    operator = torch.library.custom_op(
        f"cuda_ops::{plain.__name__}", run_plain, mutates_args=(), schema=_schema(plain)
    )
    operator.register_fake(fake or run_plain)
    operator.register_kernel(_FAST_DEVICES, run_chosen)
    keep, backward = gradient or _gradient_of(plain)
    operator.register_autograd(backward, setup_context=keep)
    return operator


def _schema(function: Callable[..., Tensor]) -> str:
    parameters = signature(function).parameters.values()
    return f"({', '.join(map(_schema_argument, parameters))}) -> Tensor"


def _schema_argument(parameter: Parameter) -> str:
    argument = f"{_SCHEMA_TYPES[parameter.annotation]} {parameter.name}"
    if parameter.default is Parameter.empty:
        return argument
    default = parameter.default
    return f'{argument}="{default}"' if isinstance(default, str) else f"{argument}={default}"


def _gradient_of(plain: Callable[..., Tensor]) -> Gradient:
    def keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*(a if isinstance(a, Tensor) else None for a in inputs))
        ctx.options = [None if isinstance(a, Tensor) else a for a in inputs]

    def backward(ctx: Any, grad: Tensor) -> Gradients:
        kept = zip(ctx.saved_tensors, ctx.options, strict=True)
        inputs = [option if tensor is None else tensor for tensor, option in kept]
        return plain_gradients(plain, inputs, ctx.needs_input_grad, grad)

    return Gradient(keep, backward)


def plain_gradients(
    plain: Callable[..., Tensor],
    inputs: Sequence[Any],
    needed: Sequence[bool],
    grad: Tensor,
) -> Gradients:
    """Gradients of ``plain(*inputs)``, computed once more, for the ``needed`` among its inputs."""
    positions = [position for position, is_needed in enumerate(needed) if is_needed]

    def function(*tensors: Tensor) -> Tensor:
        replaced = dict(zip(positions, tensors, strict=True))
        return plain(*(replaced.get(i, given) for i, given in enumerate(inputs)))

    pull_back = torch.func.vjp(function, *(inputs[i] for i in positions))[1]
    gradients = dict(zip(positions, pull_back(grad), strict=True))
    return tuple(gradients.get(i) for i in range(len(inputs)))
