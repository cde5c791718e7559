"""Judges a StyleGAN-Canvas network."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from model.canvas import Canvas
from model.config import CanvasConfig
from model.metrics.canvas_equivariance import STRIDES, eq_shift, shift_pixels
from model.metrics.flicker import relative_change
from model.metrics.seam import seam_test
from model.metrics.sharpness import relative_sharpness
from model.network import Code, Network
from model.untrained_canvas import untrained_like
from performer.evaluation import likeness
from performer.evaluation.figures import NETWORK, Figure
from performer.evaluation.material import WIDE, Conditioner, Material, enlarged
from performer.progress import progress

WIDES, PANS, SHIFTS = 8, 3, 2  # how many photographs each costly measure looks at
UNTRAINED = "untrained"
CHANGE = "change from frame to frame on a slow pan, against the input's"
CHANGE_OF_CONDITION = "the same, against that of the condition"


class CanvasJudge:
    """Paints held-out pictures, and measures.

    w is the average of all, where truncation ends. What was painted is kept for sheets.
    """

    def __init__(self, network: Canvas, material: Material, conditioner: Conditioner) -> None:
        self._network = network
        self._material = material
        self._conditioner = conditioner
        self._side = network.config.resolution
        self.sheet_rows: list[dict[str, Tensor]] = []
        self.wide_rows: list[dict[str, Tensor]] = []

    def figures(self, most: int, inception: Path | None) -> list[Figure]:
        """All there is to measure; ``most`` is how many native pictures are painted."""
        truth = self._material.squares(self._side, most)
        sets = self._painted(truth)
        found = likeness.one_by_one(sets, truth) + likeness.as_sets(sets, truth)
        if inception is not None:
            found += likeness.with_inception(inception, sets, truth)
        return [*found, *self._expanded(), *self._panned(), *self._shifted()]

    def _painted(self, truth: Sequence[Tensor]) -> dict[str, list[Tensor]]:
        sets: dict[str, list[Tensor]] = {NETWORK: [], "bicubic": [], "blurred": []}
        for picture in progress(truth, "painting"):
            condition = self._conditioner(picture)
            made = {
                NETWORK: painted(self._network, condition),
                "bicubic": enlarged(condition, picture.shape[2:]),
                "blurred": self._conditioner.blurred(picture),
            }
            for name, image in made.items():
                sets[name].append(image)
            self.sheet_rows.append({"condition": condition, **made, "truth": picture})
        if self._conditioner.kind != "blur":
            del sets["blurred"]
        return sets

    def _expanded(self) -> list[Figure]:
        """Sharpness and seams of a canvas four times as wide."""
        canvases, natives = [], []
        for picture in progress(self._material.wides(self._side, WIDES), "wide canvases"):
            condition = self._conditioner(picture)
            canvases.append(painted(self._network, condition))
            native = self._conditioner(_middle(picture, self._side))
            natives.append(painted(self._network, native))
            self.wide_rows.append({"condition": condition, NETWORK: canvases[-1], "truth": picture})
        sharp = relative_sharpness(torch.cat(canvases), torch.cat(natives)).mean()
        seams = seam_test(torch.cat(canvases), self._side)
        truth = seam_test(torch.cat([row["truth"] for row in self.wide_rows]), self._side)
        return [
            Figure(
                f"sharpness of a {WIDE}x wide canvas against the native",
                "1",
                {NETWORK: float(sharp)},
            ),
            Figure("seam test, p", "≥ 0.05", {NETWORK: seams.p, "photographs": truth.p}),
            Figure(
                "seam test, excess of change at multiples of the native width",
                "0",
                {NETWORK: seams.excess, "photographs": truth.excess},
            ),
        ]

    def _panned(self) -> list[Figure]:
        """Frame-to-frame change on slow pans, as a mean over pans."""
        ratios: dict[str, list[float]] = {"photographs": [], "condition": []}
        for frames in progress(self._material.pans(self._side, PANS), "pans"):
            conditions = [self._conditioner(frame[None]) for frame in frames]
            outputs = torch.cat([painted(self._network, each) for each in conditions])
            ratios["photographs"].append(relative_change(outputs, frames))
            ratios["condition"].append(relative_change(outputs, torch.cat(conditions)))
        against = {key: sum(values) / len(values) for key, values in ratios.items()}
        return [
            Figure(CHANGE, "≤ 1.5", {NETWORK: against["photographs"]}),
            Figure(CHANGE_OF_CONDITION, "lower", {NETWORK: against["condition"]}),
        ]

    def _shifted(self) -> list[Figure]:
        untrained = fresh(self._network.config).to(device_of(self._network))
        beside = {NETWORK: self._network, UNTRAINED: untrained}
        found = []
        for name, strides in STRIDES.items():
            windows = self._shifting(strides)
            values = {
                who: eq_shift(network, windows, average_w(network), strides)
                for who, network in progress(list(beside.items()), f"{name} strides")
            }
            figure = f"equivariance to shifts by {name} strides, dB"
            found.append(Figure(figure, "higher", values, 1))
        return found

    def _shifting(self, strides: float) -> list[tuple[Tensor, Tensor]]:
        """Conditions twice as large as the native one, and those of what lies right by the shift.

        Each is made of its own part of a photograph, as on stage when a camera turns.
        """
        scale = self._side // self._conditioner.side
        shift, side = shift_pixels(self._network, strides) * scale, 2 * self._side
        pictures = self._material.parts((side + shift, side), SHIFTS)
        device = device_of(self._network)
        return [
            (
                self._conditioner(picture[..., :side]).to(device),
                self._conditioner(picture[..., shift:]).to(device),
            )
            for picture in pictures
        ]


def painted(network: Canvas, condition: Tensor) -> Tensor:
    """The picture of ``condition`` at the average w, clamped as on a screen, on the processor."""
    code = network.encoder(condition.contiguous().to(device_of(network)))
    assert isinstance(code, Code)
    picture = network.synthesis(average_w(network), code)
    assert isinstance(picture, Tensor)
    return picture.float().clamp(-1, 1).cpu()


def average_w(network: Canvas) -> Tensor:
    """w [1, num_ws, w_dim] where truncation ends."""
    z = torch.zeros(1, network.config.z_dim, device=device_of(network))
    w: Tensor = network.mapping(z, psi=0.0)
    return w


def device_of(network: Network) -> torch.device:
    """Where its weights lie."""
    return next(network.parameters()).device


def fresh(config: CanvasConfig) -> Canvas:
    """A network of the same configuration that learned nothing, always the same."""
    return untrained_like(config, seed=0)


def _middle(picture: Tensor, side: int) -> Tensor:
    left = (picture.shape[3] - side) // 2
    return picture[..., left : left + side]
