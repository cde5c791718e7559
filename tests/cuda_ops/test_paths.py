"""The path is chosen for the whole process, and says so."""

import pytest
import torch

import cuda_ops
from cuda_ops import build, paths
from cuda_ops.build import Builder
from cuda_ops.cuda import device

NAMES = "auto, portable, reference"


@pytest.fixture(autouse=True)
def restore():
    yield
    cuda_ops.choose("auto")


@pytest.fixture(autouse=True)
def builder(tmp_path, monkeypatch):
    (tmp_path / "answer.cpp").write_text('extern "C" int answer() { return 42; }\n')
    builder = Builder(tmp_path, tmp_path / "cache")
    monkeypatch.setattr(build, "_BUILDER", builder)
    monkeypatch.delenv("PERFORMER_KERNELS", raising=False)
    return builder


def test_native_kernels_play_once_they_are_built():
    assert not paths.is_native()
    assert cuda_ops.path() == "portable: pure torch, because not built yet; performer build"
    build.build()
    assert paths.is_native()
    assert cuda_ops.path() == f"native: {build.state()}"


def test_native_kernels_play_as_soon_as_the_background_has_built_them(builder):
    build.start()
    while not paths.is_native():
        assert cuda_ops.path().startswith(
            ("portable: pure torch, while the native kernels compile, ", "native: built")
        )
    assert cuda_ops.path().startswith("native: built for")


def test_why_there_are_none_is_part_of_the_line(monkeypatch):
    monkeypatch.setenv("PERFORMER_KERNELS", "off")
    assert cuda_ops.path() == "portable: pure torch, because PERFORMER_KERNELS=off; unset it"


@pytest.mark.parametrize("name", ["portable", "reference"])
def test_another_choice_goes_before_native_kernels(name):
    build.build()
    with cuda_ops.choose(name):
        assert not paths.is_native()
        assert cuda_ops.path().startswith(f"{name}: ")
        assert cuda_ops.path().endswith(", because it was chosen")
    assert paths.is_native()


def test_on_another_device_the_kernels_of_the_processor_do_not_count(monkeypatch):
    build.build()
    monkeypatch.setattr(device, "find", lambda: device.Found(None, "no CUDA driver"))
    assert cuda_ops.path("cuda") == "portable: pure torch, because no CUDA driver"


def test_a_device_plays_its_own_kernels_unless_something_failed(monkeypatch):
    found = device.Found(object(), "compiled by NVRTC 13.0 for sm_90")
    monkeypatch.setattr(device, "find", lambda: found)
    monkeypatch.setattr(device, "_failures", [])
    assert cuda_ops.path("cuda") == "native: kernels compiled by NVRTC 13.0 for sm_90"
    device.tell_failure("BuildError: no room\non the disk")
    assert cuda_ops.path("cuda") == "portable: pure torch, because BuildError: no room on the disk"


def test_a_choice_lasts_until_the_next():
    cuda_ops.choose("reference")
    assert cuda_ops.path().startswith("reference:")
    cuda_ops.choose("auto")
    assert cuda_ops.path().startswith("portable:")


def test_a_choice_by_context_ends_with_it_even_after_an_error():
    with pytest.raises(ValueError, match=NAMES), cuda_ops.choose("reference"):
        cuda_ops.choose("fastest")
    assert cuda_ops.path().startswith("portable:")


def test_the_line_for_doctor_is_one_line_with_a_reason():
    for name in ("auto", "portable", "reference"):
        with cuda_ops.choose(name):
            path, _, reason = cuda_ops.path().partition(": ")
            assert path
            assert reason
            assert "\n" not in reason


def test_an_unknown_path_is_refused_and_changes_nothing():
    with pytest.raises(ValueError, match=NAMES):
        cuda_ops.choose("fastest")
    assert cuda_ops.path().startswith("portable:")


def test_the_chosen_path_is_the_one_that_runs(monkeypatch):
    def refuse(*_):
        raise AssertionError("the reference was called")

    monkeypatch.setattr("cuda_ops.reference.filtered_lrelu", refuse)
    x, f = torch.randn(1, 1, 16, 16), torch.rand(4)
    cuda_ops.filtered_lrelu(x, f, f, up=2, down=2)
    with cuda_ops.choose("reference"), pytest.raises(AssertionError, match="was called"):
        cuda_ops.filtered_lrelu(x, f, f, up=2, down=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"up": 0}, "scale"),
        ({"down": [1, 2, 3]}, "scale"),
        ({"padding": [1, 2, 3]}, "padding"),
        ({"f": torch.rand(2, 2, 2)}, "one or two axes"),
    ],
)
@pytest.mark.parametrize("path", ["auto", "portable", "reference"])
def test_nonsense_is_refused_in_words(path, options, message):
    arguments = {"f": torch.rand(4)} | options
    with cuda_ops.choose(path), pytest.raises(ValueError, match=message):
        cuda_ops.upfirdn2d(torch.randn(1, 1, 16, 16), **arguments)


def test_an_unknown_activation_is_refused_by_name():
    with pytest.raises(ValueError, match="no activation 'gelu'"):
        cuda_ops.bias_act(torch.randn(1, 1), act="gelu")
