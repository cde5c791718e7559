"""Computes every array of a folder of golden fixtures that the networks' contract can reach.

The folder has a `manifest.json`, pickles that it names, and `golden/NAME.npz`; the names of the arrays
say what they are (see the table at the end).
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import model
from model.bends.canvas_chain import canvas_chain
from model.network import Code, Network

# Given to the networks rather than made by them, made by a discriminator, or only for information.
NOT_REACHED = re.compile(
    r"z|c|wmix|(.+/)?cond|bend/clusters/.*|.*/forward_matrix|xf\w*/transform|D_logits"
    r"|seed_fp16_encoder/.*"
)


@dataclass(frozen=True)
class Model:
    """The fixtures of one network."""

    folder: Path
    name: str
    facts: dict[str, Any]
    precision: str = "float32"
    _passes: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    @cached_property
    def arrays(self) -> dict[str, NDArray[Any]]:
        with np.load(self.folder / "golden" / f"{self.name}.npz") as file:
            return dict(file)

    @property
    def reached(self) -> list[str]:
        """The names of all arrays that `compute` can make."""
        return [name for name in self.arrays if not NOT_REACHED.fullmatch(name)]

    def tolerance(self, name: str) -> float:
        return float(self.facts["arrays"][name]["tol"])

    def error(self, name: str) -> float:
        """The largest difference from the golden array."""
        with torch.inference_mode():
            computed = self.compute(name).double().numpy()
        golden = self.arrays[name]
        assert computed.shape == golden.shape, f"{computed.shape} where {golden.shape} is golden"
        return float(np.abs(computed - golden).max())

    def compute(self, name: str) -> Tensor:
        """Our own version of a golden array."""
        for pattern, make in _CANVAS if "cond" in self.arrays else _WITHOUT_CONDITION:
            if match := re.fullmatch(pattern, name):
                return make(self, name, match)
        raise KeyError(f"{name}: no way is known to compute it")

    # What the table's entries use

    def network(self, key: str | None = None) -> Network:
        path = self.folder / self.facts["pickle"]
        return _load(path, key or self.facts["network_key"], self.precision)

    def given(self, name: str) -> Tensor:
        return torch.from_numpy(self.arrays[name])

    def entry(self, name: str) -> dict[str, Any]:
        entry: dict[str, Any] = self.facts["arrays"].get(name, {})
        return entry

    def kept(self, key: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        """The results of one pass through a network, made once."""
        if key not in self._passes:
            self._passes[key] = make()
        return self._passes[key]


@cache
def _load(path: Path, key: str, precision: str) -> Network:
    return model.load(path, network=key, precision=precision)


def models(folder: Path, precision: str = "float32") -> Iterator[Model]:
    """The networks of a folder whose files are there."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, facts in manifest["models"].items():
        if (folder / "golden" / f"{name}.npz").exists():
            yield Model(folder, name, facts, precision)


def crop(x: Tensor, golden: NDArray[Any]) -> Tensor:
    """The middle of the first channels of sample 0, as large as the golden crop."""
    channels, height, width = golden.shape
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    return x[0, :channels, top : top + height, left : left + width]


def _part(fixtures: Model, name: str, x: Tensor) -> Tensor:
    """The crop or the statistics of feature maps, whichever the name asks for."""
    if not name.endswith("stats"):
        return crop(x, fixtures.arrays[name])
    one = x[0].double()
    return torch.stack([one.mean(), one.std(correction=0), one.min(), one.max()])


# StyleGAN2 and StyleGAN3


def _mapped(fixtures: Model, name: str, key: str | None = None) -> Tensor:
    """w of all latents, truncated as the entry of ``name`` says."""
    z, c = fixtures.given("z"), fixtures.given("c")
    samples = fixtures.arrays[name].shape[0]
    entry = fixtures.entry(name)
    network = fixtures.network(key)
    return network.mapping(z[:samples], c[:samples], entry.get("psi", 1.0), entry.get("cutoff"))


def _w(fixtures: Model, name: str, match: re.Match[str]) -> Tensor:
    return _mapped(fixtures, name, "G" if match["key"] else None)


def _image(fixtures: Model, name: str, match: re.Match[str]) -> Tensor:
    key = "G" if match["key"] else None
    if match["w"] == "wmix":
        w = fixtures.given("wmix")
    else:
        w = _mapped(fixtures, f"{match['key'] or ''}w_{match['w']}", key)
    noise = "none" if "noise_none" in match["option"] else "const"
    return fixtures.network(key).synthesis(w[: len(fixtures.arrays[name])], noise=noise)


def _generator_layer(fixtures: Model, name: str, match: re.Match[str]) -> Tensor:
    network = fixtures.network()

    def run() -> dict[str, Tensor]:
        w = _mapped(fixtures, "w_psi1")[:1]
        return network.synthesis(w, features=network.config.layers)[1]

    return _part(fixtures, name, fixtures.kept("layers", run)[match["layer"]])


def _transformed(fixtures: Model, name: str, match: re.Match[str]) -> Tensor:
    def run() -> dict[str, Tensor]:
        w = _mapped(fixtures, "w_psi1")[:2]
        transform = fixtures.given(f"{match['case']}/transform")
        synthesis = fixtures.network().synthesis
        image, features = synthesis(w, transform=transform, features=["input"])
        return {"img": image, **features}

    made = fixtures.kept(match["case"], run)
    return made["img"] if match["what"] == "img" else _part(fixtures, name, made["input"])


def _stored_transform(fixtures: Model, _name: str, _match: re.Match[str]) -> Tensor:
    return fixtures.network().synthesis.input.transform


def _parameter_sum(fixtures: Model, _name: str, match: re.Match[str]) -> Tensor:
    parameters = fixtures.network(match["key"]).parameters()
    return torch.stack([parameter.double().abs().sum() for parameter in parameters]).sum()[None]


# Canvas


def _condition(fixtures: Model, case: str, samples: int) -> Tensor:
    return fixtures.given(f"{case}/cond" if case else "cond")[:samples]


def _encoded(fixtures: Model, case: str) -> Code:
    condition = _condition(fixtures, case, 2)
    return fixtures.network().encoder(condition)


def _encoder_layer(fixtures: Model, name: str, match: re.Match[str]) -> Tensor:
    def run() -> dict[str, Tensor]:
        kept: dict[str, Tensor] = {}
        encoder = fixtures.network().encoder
        hooks = [
            module.register_forward_hook(partial(_keep, kept, place))
            for place, module in encoder.named_modules()
            if place
        ]
        _encoded(fixtures, "")
        for hook in hooks:
            hook.remove()
        return kept

    return _part(fixtures, name, fixtures.kept("encoder", run)[match["layer"]])


def _keep(kept: dict[str, Tensor], place: str, _module: object, _inputs: object, out: Any) -> None:
    kept[place] = out


def _canvas_features(fixtures: Model, case: str) -> dict[str, Tensor]:
    network = fixtures.network()

    def run() -> dict[str, Tensor]:
        z, condition = fixtures.given("z")[:1], _condition(fixtures, case, 1)
        return network.generate(z, condition=condition, features=network.config.layers)[1]

    return fixtures.kept(f"layers {case}", run)


def _canvas_layer(fixtures: Model, name: str, match: re.Match[str]) -> Tensor:
    return _part(fixtures, name, _canvas_features(fixtures, match["case"] or "")[match["layer"]])


def _bottleneck(fixtures: Model, name: str, _match: re.Match[str]) -> Tensor:
    return _part(fixtures, name, _canvas_features(fixtures, "")["input"])


def _skip(fixtures: Model, name: str, match: re.Match[str]) -> Tensor:
    return _part(fixtures, name, _encoded(fixtures, "").skips[int(match["number"])])


def _encoder_w(fixtures: Model, name: str, match: re.Match[str]) -> Tensor:
    return _encoded(fixtures, match["case"] or "").w[:, :1].reshape(fixtures.arrays[name].shape)


def _map_w(fixtures: Model, _name: str, _match: re.Match[str]) -> Tensor:
    return fixtures.network().mapping(fixtures.given("z"))[:, :1]


def _w_prime(fixtures: Model, _name: str, _match: re.Match[str]) -> Tensor:
    code, rows = _encoded(fixtures, ""), fixtures.network().config.encoder_ws
    w = fixtures.network().mapping(fixtures.given("z"))
    return torch.cat([code.w[:, :rows], w[:, rows:]], 1)


def _canvas_image(fixtures: Model, name: str, match: re.Match[str]) -> Tensor:
    case = match["case"] or ""
    statistics = "frame" if case == "bn_batch_stats" else "stored"
    samples, entry = len(fixtures.arrays[name]), fixtures.entry(name)
    image = fixtures.network().generate(
        fixtures.given("z")[:samples],
        psi=entry.get("psi", 1.0),
        cutoff=entry.get("cutoff"),
        condition=_condition(fixtures, case if case.startswith("wide") else "", samples),
        encoder_ws=entry.get("replace_w_num"),
        statistics=statistics,
    )
    if not name.endswith("_crop"):
        return image
    return crop(image, fixtures.arrays[name][0])[None]


def _bent(fixtures: Model, name: str, match: re.Match[str]) -> Tensor:
    case = match["case"]

    def run() -> dict[str, Tensor]:
        operations = fixtures.entry(f"bend/{case}/img") or fixtures.entry(f"bend/{case}/img_crop")
        bends = {layer: _chain(fixtures, layer, op) for layer, op in operations["ops"].items()}
        wide = case.split("_")[0] if case.startswith("wide") else ""
        image, features = fixtures.network().generate(
            fixtures.given("z")[:1],
            condition=_condition(fixtures, wide, 1),
            bends=bends,
            features=list(bends),
        )
        return {"img": image, **features}

    made = fixtures.kept(f"bend {case}", run)
    if match["what"] == "img":
        return made["img"]
    if match["what"] == "img_crop":
        return crop(made["img"], fixtures.arrays[name][0])[None]
    return _part(fixtures, name, made[match["what"]])


def _chain(fixtures: Model, layer: str, op: dict[str, Any]) -> Callable[[Tensor], Tensor]:
    clusters = fixtures.arrays[f"bend/clusters/{layer}"]
    options = {name: value for name, value in op.items() if name != "cluster"}
    return canvas_chain(**options, channels=np.isin(clusters, op["cluster"]))


_PART = r"/(?:crop|stats)"

_Way: TypeAlias = Callable[[Model, str, re.Match[str]], Tensor]

_WITHOUT_CONDITION: list[tuple[str, _Way]] = [
    (r"(?P<key>G_)?w_psi.*", _w),
    (
        r"(?P<key>G_)?img_(?P<w>psi[-.\d]+(?:_cut\d*)?|wmix)(?P<option>_noise_none|_unfused|)",
        _image,
    ),
    (rf"layers/\d+_(?!enc\.|syn\.)(?P<layer>.+){_PART}", _generator_layer),
    (r"(?P<case>xf\w*)/(?P<what>img|input_crop)", _transformed),
    (r"transform_stored", _stored_transform),
    (r"(?P<key>G|G_ema)_param_abs_sum", _parameter_sum),
]

_CANVAS: list[tuple[str, _Way]] = [
    (r"(?P<key>G|G_ema)_param_abs_sum", _parameter_sum),
    (rf"layers/\d+_enc\.(?P<layer>.+){_PART}", _encoder_layer),
    (rf"(?:(?P<case>wide[^/]*)/)?layers/\d+_syn\.(?P<layer>.+){_PART}", _canvas_layer),
    (r"input_crop_note_bottleneck", _bottleneck),
    (rf"skips/(?P<number>\d+){_PART}", _skip),
    (r"enc_ws|(?P<case>wide[^/]*)/enc_w", _encoder_w),
    (r"map_w", _map_w),
    (r"w_prime", _w_prime),
    (rf"bend/(?P<case>[^/]+)/(?P<what>[^/]+)(?:{_PART})?", _bent),
    (
        r"(?:(?P<case>wide[^/]*|bn_batch_stats)/)?img(?:_crop|_psi[-.\d]+(?:_cut\d+)?|_replace\d+)?",
        _canvas_image,
    ),
]
