"""Directions in W along which pictures change: found in w itself, or in the weights."""

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from model.knob import Knob
from model.latent.rows import row_shares
from model.settings import Playable

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[np.float64]

SAMPLES = 4096
_SEED = 2020


class DirectionSettings(Playable):
    """One direction: which one, how far, and for which rows of w.

    ``pca`` are the principal components of w (GANSpace), ``sefa`` what changes the styles most (by
    the weights of the rows where the scene starts); ``number`` 0 is the strongest. ``amount`` is in
    standard deviations of w along the direction.
    """

    kind: Literal["pca", "sefa"] = "pca"
    number: Annotated[int, Field(ge=0)] = 0
    amount: Annotated[float, Knob(-6, 6, unit="σ")] = 0.0
    rows_from: Annotated[float, Knob(0, 32, unit="rows")] = 0.0
    rows_to: Annotated[float, Knob(0, 32, unit="rows")] = 32.0


@dataclass(frozen=True, slots=True)
class Samples:
    """How the w of many z lie: covariance and principal components [w_dim, w_dim]."""

    covariance: Array
    components: Array


_samples: "weakref.WeakKeyDictionary[Any, Samples]" = weakref.WeakKeyDictionary()


def samples_of(network: Any) -> Samples:
    """Drawn once for each network, since that takes a moment."""
    if network not in _samples:
        _samples[network] = _drawn(network)
    return _samples[network]


def _drawn(network: Any) -> Samples:
    import torch

    config, average = network.config, network.mapping.w_avg
    z = np.random.RandomState(_SEED).standard_normal((SAMPLES, config.z_dim))
    c = torch.eye(config.c_dim).repeat(-(-SAMPLES // max(config.c_dim, 1)), 1)[:SAMPLES]
    with torch.inference_mode():
        batch = torch.from_numpy(z).to(average)
        w = network.mapping(batch, c.to(average) if config.c_dim else None)[:, 0]
    found: Array = w.double().cpu().numpy()
    covariance = np.cov(found.T, bias=True)
    return Samples(covariance, principal(covariance))


def principal(covariance: Array) -> Array:
    """The principal components of w of this ``covariance``, a direction a row, the strongest first.

    Source: Härkönen et al. 2020, GANSpace, arXiv:2004.02546, section 2.
    """
    return _eigenvectors(covariance)


def factorised(weights: Array) -> Array:
    """What changes styles = ``weights`` [styles, w_dim] @ w most, a direction a row.

    Source: Shen and Zhou 2021, SeFa, arXiv:2007.06600, equation 5.
    """
    return _eigenvectors(weights.T @ weights)


def _eigenvectors(symmetric: Array) -> Array:
    """Unit eigenvectors as rows, the largest eigenvalue first; their largest entry is positive."""
    rows = np.linalg.eigh(symmetric)[1].T[::-1]
    largest = rows[np.arange(len(rows)), np.abs(rows).argmax(1)]
    found: Array = rows * np.sign(largest)[:, None]
    return found


def style_weights(network: Any, first: float, end: float) -> Array:
    """From w to the styles of all layers whose row lies from ``first`` to ``end``: [styles, w_dim].

    The weights of all rows where none lies there.
    """
    rows = _affines(network)
    chosen = [affine for row, affine in rows if first <= row < end] or [each for _, each in rows]
    gained = [affine.gained()[0].detach().double().cpu().numpy() for affine in chosen]
    return np.concatenate(gained)


def _affines(network: Any) -> list[tuple[int, Any]]:
    """Each layer's affine map of w, and the row that it is given."""
    config, synthesis = network.config, network.synthesis
    if config.family != "stylegan2":
        names = config.layers[1:]
        return [(row, getattr(synthesis, name).affine) for row, name in enumerate(names, start=1)]
    found, row = [], 0
    for block in config.blocks:
        layers = getattr(synthesis, block.name)
        for name in block.convolution_names:
            found.append((row, getattr(layers, name).affine))
            row += 1
        found.append((row, layers.torgb.affine))
    return found


class DirectionError(ValueError):
    """A direction that a network has not: which one, and what is wrong with its number."""

    def __init__(self, name: str, line: str) -> None:
        super().__init__(line)
        self.name = name


class Directions:
    """The directions of a scene in one network.

    Errors: DirectionError for a number that there is not.
    """

    def __init__(self, network: Any, wanted: Mapping[str, DirectionSettings]) -> None:
        self._steps = {name: _step(network, name, each) for name, each in wanted.items()}

    def __call__(
        self, w: "torch.Tensor", values: Callable[[str], Mapping[str, float]]
    ) -> "torch.Tensor":
        """w [1, num_ws, w_dim], moved as the ``values(name)`` of each direction say."""
        for name, step in self._steps.items():
            knobs = values(name)
            if knobs["amount"] == 0:
                continue
            shares = row_shares(knobs["rows_from"], knobs["rows_to"], w.shape[1])
            if shares.any():
                w = w + w.new_tensor(shares * knobs["amount"])[:, None] * step
        return w


def _step(network: Any, name: str, wanted: DirectionSettings) -> "torch.Tensor":
    """One standard deviation along a direction [w_dim], on the processor."""
    width = network.config.w_dim
    if wanted.number >= width:
        line = f"there is no direction {wanted.number}; use 0 … {width - 1}"
        raise DirectionError(name, line)
    samples = samples_of(network)
    if wanted.kind == "pca":
        rows = samples.components
    else:
        rows = factorised(style_weights(network, wanted.rows_from, wanted.rows_to))
    direction = rows[wanted.number]
    deviation = np.sqrt(max(direction @ samples.covariance @ direction, 0.0))
    step: torch.Tensor = network.mapping.w_avg.new_tensor(direction * deviation, device="cpu")
    return step
