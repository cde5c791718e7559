"""Every public operator is a `torch.library` operator, on both paths and in both precisions."""

import inspect

import pytest
import torch

import cuda_ops
from cuda_ops import reference

PATHS = ["reference", "auto"]
DTYPES = [torch.float64, torch.float32]
QUICK = ("test_schema", "test_autograd_registration", "test_faketensor")


def tensor(*shape):
    """Positive, and far enough from 0 for the kinks of the activations."""
    torch.manual_seed(sum(shape))
    return torch.rand(shape, dtype=torch.float64) + 0.1


X, PADDING = tensor(2, 2, 5, 4) - 0.6, [2, 1, 0, 3]
KERNEL, POINT, STYLES = tensor(3, 2, 3, 3), tensor(3, 2, 1, 1), tensor(2, 2)

ARGUMENTS = {
    "upfirdn2d": (X, tensor(5), [2, 1], [1, 3], PADDING, False, 2.0),
    "bias_act": (X, tensor(2), 1, "swish", None, 1.3, 0.9),
    "filtered_lrelu": (X, tensor(6), tensor(3, 4), tensor(2), 2, 2, PADDING, 1.4, 0.2, 5.0),
    "conv2d_resample": (X, KERNEL, tensor(4), 1, 2, 1),
    "modulated_conv2d_stylegan2": (X, POINT, STYLES, tensor(5, 4)),
    "modulated_conv2d_stylegan3": (X, KERNEL, STYLES, True, 2, tensor(2)),
}
FILTERS = {"upfirdn2d": {1}, "filtered_lrelu": {1, 2}, "conv2d_resample": {2}}

VARIANTS = [
    ("upfirdn2d", (X, None, 2)),
    ("upfirdn2d", (X, tensor(3, 4), 2, 2, [3, 2], True)),
    ("bias_act", (X,)),
    ("bias_act", (X[0, 0], tensor(5), 0, "lrelu", 0.1)),
    ("filtered_lrelu", (X, None, None, tensor(2))),
    ("filtered_lrelu", (X, tensor(4), tensor(4), None, 2, 2, 3)),
    ("conv2d_resample", (X, KERNEL)),
    ("conv2d_resample", (X, tensor(4, 1, 3, 3), tensor(4), 2, 1, 1, 2, False)),
    ("conv2d_resample", (X, KERNEL, tensor(4), 2, 2, 3)),
    ("modulated_conv2d_stylegan2", (X[:1], KERNEL, STYLES[:1], None, 2, 1, 1, tensor(4))),
    ("modulated_conv2d_stylegan2", (X, KERNEL, STYLES, None, 1, 1, 1, None, False)),
    ("modulated_conv2d_stylegan3", (X[:1], KERNEL, STYLES[:1])),
    ("modulated_conv2d_stylegan3", (X, POINT, STYLES, False, 0, tensor(2, 2))),
]

every_operator = pytest.mark.parametrize("name", ARGUMENTS)
every_path = pytest.mark.parametrize("path", PATHS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=["float64", "float32"])


def operator(name):
    return getattr(torch.ops.cuda_ops, name).default


def cast(arguments, dtype):
    return [a.to(dtype) if isinstance(a, torch.Tensor) else a for a in arguments]


def tensors_in(name):
    """Positions of the tensors among the operator's arguments."""
    return [i for i, a in enumerate(ARGUMENTS[name]) if isinstance(a, torch.Tensor)]


def of_tensors(name):
    """The operator as a function of its tensors alone, and those tensors, wanting gradients."""

    def function(*tensors):
        given = dict(zip(tensors_in(name), tensors, strict=True))
        return operator(name)(*(given.get(i, a) for i, a in enumerate(ARGUMENTS[name])))

    tensors = (ARGUMENTS[name][i].clone().requires_grad_() for i in tensors_in(name))
    return function, tuple(tensors)


@every_operator
@pytest.mark.parametrize(
    ("dtype", "shapes"), [(torch.float64, "dynamic"), (torch.float32, "static")]
)
def test_an_operator_obeys_torch_library(name, dtype, shapes):
    arguments = cast(ARGUMENTS[name], dtype)
    for i in tensors_in(name):
        if i not in FILTERS.get(name, ()):
            arguments[i] = arguments[i].clone().requires_grad_()
    torch.library.opcheck(
        operator(name), arguments, test_utils=(*QUICK, f"test_aot_dispatch_{shapes}")
    )


@every_path
@pytest.mark.parametrize(("name", "arguments"), VARIANTS)
def test_an_operator_tells_its_shape_whatever_the_arguments(name, arguments, path):
    with cuda_ops.choose(path):
        torch.library.opcheck(operator(name), arguments, test_utils=QUICK)


@every_path
@every_operator
def test_every_tensor_has_right_derivatives(name, path):
    function, tensors = of_tensors(name)
    with cuda_ops.choose(path):
        assert torch.autograd.gradcheck(function, tensors, fast_mode=True)
        assert torch.autograd.gradgradcheck(function, tensors, fast_mode=True)


@every_path
@every_operator
@every_dtype
def test_the_choice_of_a_path_holds_for_the_operator_too(name, path, dtype):
    arguments = cast(ARGUMENTS[name], dtype)
    with cuda_ops.choose(path):
        result = operator(name)(*arguments)
        assert torch.equal(result, getattr(cuda_ops, name)(*arguments))
    plain = getattr(reference, name)(*arguments)
    assert torch.equal(result, plain) or path == "auto"
    torch.testing.assert_close(result, plain)


@every_operator
def test_operator_reference_and_public_function_take_the_same_arguments(name):
    public = inspect.signature(getattr(cuda_ops, name))
    assert public == inspect.signature(getattr(reference, name))
    assert [a.name for a in operator(name)._schema.arguments] == list(public.parameters)


def test_one_number_stands_for_both_scales_and_all_sides():
    f = tensor(4)
    short = torch.ops.cuda_ops.upfirdn2d(X, f, 2, 3, 2)
    assert torch.equal(short, torch.ops.cuda_ops.upfirdn2d(X, f, [2, 2], [3, 3], [2, 2, 2, 2]))
    assert torch.equal(short, torch.ops.cuda_ops.upfirdn2d(X, f, up=2, down=3, padding=[2, 2]))


@every_operator
def test_a_compiled_call_is_one_graph_for_every_size(name):
    graphs = []
    _, *others = ARGUMENTS[name]
    if name == "modulated_conv2d_stylegan2":
        others[2] = None  # its noise has the size of the picture

    def run(x):
        return getattr(cuda_ops, name)(x, *others)

    def keep_graph(graph, _inputs):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    compiled = torch.compile(run, backend=keep_graph, fullgraph=True, dynamic=True)
    for size in [(11, 14), (17, 9)]:
        x = tensor(2, 2, *size).requires_grad_()
        torch.testing.assert_close(compiled(x), run(x))
    assert len(graphs) == 1
