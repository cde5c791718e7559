from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file, save_file

import model.features
from model.errors import LoadError
from model.feature_weights import OWN
from model.metrics.perceptual import perceptual_distance

VGG = [
    ("relu1_1", 64), ("relu1_2", 64), ("relu2_1", 128), ("relu2_2", 128),
    ("relu3_1", 256), ("relu3_2", 256), ("relu3_3", 256), ("relu4_1", 512),
]  # fmt: skip


def pictures(side: int = 48) -> torch.Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def caffe(x: torch.Tensor) -> torch.Tensor:
    """RGB -1 … 1 as Caffe's networks want it, in float64."""
    mean = torch.tensor([104.007, 116.669, 122.679], dtype=torch.float64)[:, None, None]
    return (x.double() + 1).flip(1) * 127.5 - mean


def convolved(
    x: torch.Tensor, arrays: dict[str, np.ndarray], name: str, **how: int
) -> torch.Tensor:
    weight, bias = (
        torch.from_numpy(arrays[f"{name}.{kind}"]).double() for kind in ("weight", "bias")
    )
    return F.conv2d(x, weight, bias, **how).clamp_min(0)


def vgg_slowly(x: torch.Tensor, pooling: str) -> dict[str, torch.Tensor]:
    arrays, maps = load_file(OWN["vgg16"]), {}
    pool = F.max_pool2d if pooling == "max" else F.avg_pool2d
    x = caffe(x)
    for name, _ in VGG:
        if name in ("relu2_1", "relu3_1", "relu4_1"):
            x = pool(x, 2)
        x = convolved(x, arrays, name.replace("relu", "conv"), padding=1)
        maps[name] = x
    return maps


def squeezenet_slowly(x: torch.Tensor) -> dict[str, torch.Tensor]:
    arrays = load_file(OWN["squeezenet11"])
    x = convolved(caffe(x), arrays, "conv1", stride=2)
    maps = {"relu1": x}
    for number in range(2, 10):
        if number in (2, 4, 6):
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = convolved(x, arrays, f"fire{number}.squeeze")
        parts = [
            convolved(x, arrays, f"fire{number}.expand1x1"),
            convolved(x, arrays, f"fire{number}.expand3x3", padding=1),
        ]
        x = maps[f"fire{number}"] = torch.cat(parts, 1)
    return maps


def assert_alike(maps: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert list(maps) == list(expected)
    for name, wanted in expected.items():
        error = (maps[name].double() - wanted).norm() / wanted.norm()
        assert error < 1e-5, name


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_vgg_agrees_with_a_slow_reference(pooling: str) -> None:
    x = pictures()
    assert_alike(model.features.load("vgg16", pooling=pooling)(x), vgg_slowly(x, pooling))


def test_squeezenet_agrees_with_a_slow_reference() -> None:
    x = pictures(65)
    assert_alike(model.features.load("squeezenet11")(x), squeezenet_slowly(x))


def test_only_what_is_wanted_is_computed_and_it_is_the_same() -> None:
    x, whole = pictures(), model.features.load()
    some = model.features.load(names=("relu2_1", "relu1_2"))
    assert some.names == ("relu1_2", "relu2_1")
    assert len(some.steps) == 3
    for name, maps in some(x).items():
        assert torch.equal(maps, whole(x)[name])


def test_gradients_reach_the_picture_and_nothing_else() -> None:
    x = pictures().requires_grad_()
    features = model.features.load("squeezenet11")
    features.train()
    features(x)["fire9"].sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert not features.training
    assert not any(weight.requires_grad for weight in features.parameters())


def test_in_bfloat16_the_gradient_of_a_loss_points_the_same_way() -> None:
    gradients = []
    for dtype in (torch.float32, torch.bfloat16):
        seen, truth = pictures().requires_grad_(), pictures().flip(0)
        perceptual_distance("vgg16", dtype=dtype)(seen, truth).float().mean().backward()
        assert seen.grad is not None
        gradients.append(seen.grad.flatten())
    assert F.cosine_similarity(*gradients, dim=0) > 0.99


def test_deep_maps_tell_a_blurred_picture_from_a_sharp_one_less_than_noise_from_it() -> None:
    """The weights have learned something: broad shapes count more than single pixels."""
    side = torch.linspace(-3, 3, 96)
    picture = torch.sin(side[:, None] * side)[None, None].expand(1, 3, 96, 96)
    noisy = picture + torch.randn(picture.shape, generator=torch.Generator().manual_seed(0)) * 0.3
    brighter = picture * 0.9 + 0.1
    features = model.features.load(names=("relu4_1",))
    original, far, near = (features(x)["relu4_1"] for x in (picture, noisy, brighter))
    assert (near - original).norm() < (far - original).norm() / 3


def test_files_named_as_torchvision_names_them_load(tmp_path: Path) -> None:
    """A VGG in RGB order and torchvision's own scale, with a pooling where the numbers leap."""
    drawn = np.random.default_rng(0)
    arrays = {}
    for number, (given, taken) in {0: (3, 4), 2: (4, 4), 5: (4, 6), 7: (6, 6)}.items():
        arrays[f"features.{number}.weight"] = drawn.normal(size=(taken, given, 3, 3)).astype("f4")
        arrays[f"features.{number}.bias"] = np.zeros(taken, "f4")
    np.savez(tmp_path / "vgg.npz", **arrays, **{"classifier.0.bias": np.zeros(3, "f4")})
    x = pictures(32)
    maps = model.features.load(tmp_path / "vgg.npz")(x)
    assert [(name, list(value.shape[1:])) for name, value in maps.items()] == [
        ("relu1_1", [4, 32, 32]), ("relu1_2", [4, 32, 32]), ("relu2_1", [6, 16, 16]), ("relu2_2", [6, 16, 16]),
    ]  # fmt: skip
    mean, deviation = (
        torch.tensor(v)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    )
    first = torch.from_numpy(arrays["features.0.weight"])
    expected = F.conv2d(((x + 1) / 2 - mean) / deviation, first, padding=1).clamp_min(0)
    assert torch.allclose(maps["relu1_1"], expected, atol=1e-4)


def test_a_squeezenet_of_torchvision_is_told_by_its_parts(tmp_path: Path) -> None:
    numbers = dict(
        zip([f"fire{n}" for n in range(2, 10)], [3, 4, 6, 7, 9, 10, 11, 12], strict=True)
    )
    theirs = {}
    for name, array in load_file(OWN["squeezenet11"]).items():
        layer, rest = name.split(".", 1)
        theirs[f"features.{numbers.get(layer, 0)}.{rest}"] = array
    save_file(theirs, tmp_path / "squeeze.safetensors")
    assert model.features.load(tmp_path / "squeeze.safetensors").names[-1] == "fire9"


def write_damaged(folder: Path) -> dict[str, Path]:
    files = {
        name: folder / name
        for name in ("a.safetensors", "b.npz", "c.pt", "e.npz", "f.npz", "g.npz", "h.npz")
    }
    files["a.safetensors"].write_bytes(b"\x00" * 100)
    files["b.npz"].write_bytes(b"PK nothing of the kind")
    files["c.pt"].write_bytes(b"x")
    np.savez(files["e.npz"], something=np.zeros(3))
    arrays = load_file(OWN["vgg16"])
    np.savez(files["f.npz"], **{k: v for k, v in arrays.items() if k != "conv2_1.bias"})
    np.savez(files["g.npz"], **{**arrays, "conv1_2.weight": arrays["conv1_2.weight"][:, :5]})
    np.savez(files["h.npz"], **{"conv1_1.weight": np.array([{"a": 1}], object)})
    return files


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("missing.npz", "cannot be read"),
        ("a.safetensors", "is damaged"),
        ("b.npz", "is damaged"),
        ("c.pt", "is neither .safetensors nor .npz"),
        ("e.npz", "holds no convolutions"),
        ("f.npz", "conv2_1 is missing"),
        ("g.npz", "conv1_2 has shape"),
        ("h.npz", "is damaged"),  # a pickle inside, which is not opened
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, name: str, what: str) -> None:
    write_damaged(tmp_path)
    with pytest.raises(LoadError) as caught:
        model.features.load(tmp_path / name)
    line = str(caught.value)
    assert line.startswith(f"{tmp_path / name}: ")
    assert what in line
    assert "\n" not in line


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 31, 64)])
def test_pictures_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"pictures are \[N, 3, H, W\]"):
        model.features.load("squeezenet11")(torch.zeros(shape))


@pytest.mark.parametrize("options", [{"names": ("relu9_9",)}, {"names": ()}, {"pooling": "median"}])
def test_names_and_poolings_that_there_are_not_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"feature maps are|pooling is"):
        model.features.load("vgg16", **options)
