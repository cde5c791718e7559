"""What can be turned of a network itself, and the options of its call that this stands for."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt

from model.config import CanvasConfig, StyleGAN3Config
from model.knob import Knob
from model.latent.rows import Shares, row_shares, shifted
from model.settings import Playable

if TYPE_CHECKING:
    from torch import Tensor

    from model.config import Config
    from model.network import Code, Network

Values = Mapping[str, float]
Moving = Mapping[str, "Tensor"]
"""Numbers of a call that a device reads where they lie, so that it follows them: for Canvas the
``encoder_shares`` [num_ws] and ``skip_gains``, for StyleGAN3 the ``placement`` [3, 3]."""

SKIPS = tuple(f"skip_{number}" for number in range(1, 9))
ENCODER = (
    *("encoder_ws", "encoder_from", "encoder_to", "encoder_mix"),
    *("frame_statistics", "skips", *SKIPS),
)
NOISE = ("noise", "random_noise")
TRANSFORM = ("turn", "shift_x", "shift_y", "zoom")
LABELS = ("label_a", "label_b", "label_mix")

Gain = Annotated[float, Knob(0, 2, unit="x")]
Shift = Annotated[float, Knob(-2, 2, unit="pictures")]
Label = Annotated[int, Knob(0, 999, step=1)]
Row = Annotated[float, Knob(0, 32, unit="rows")]
Switch = Annotated[bool, Knob(0, 1, step=1)]


class NetworkKnobs(Playable):
    """The knobs of all families; a network without what one of them turns disregards it.

    At their starts, all of them leave the network as it was trained.

    Canvas: ``encoder_ws`` is how many first rows of w come from the encoder (-1: as trained); those
    from ``encoder_from`` up to ``encoder_to`` go ``encoder_mix`` of the way from the latent to the
    encoder instead, and ends between two rows take the row in by that share.
    ``frame_statistics`` normalises with the mean and variance of the frame at hand, ``skips``
    multiplies all skips and ``skip_1`` … ``skip_8`` one each, the deepest first.

    StyleGAN2: ``noise`` multiplies the noise, ``random_noise`` draws it anew for every frame.

    StyleGAN3: the endless picture is zoomed, turned clockwise by ``turn``, and shifted to the right
    by ``shift_x`` and down by ``shift_y``.

    Conditional networks: ``label_mix`` goes from class ``label_a`` to class ``label_b``.
    """

    encoder_ws: Annotated[int, Knob(-1, 32, unit="rows", step=1)] = -1
    encoder_from: Row = 0.0
    encoder_to: Row = 0.0
    encoder_mix: Annotated[float, Knob(0, 1)] = 1.0
    frame_statistics: Switch = False
    skips: Gain = 1.0
    skip_1: Gain = 1.0
    skip_2: Gain = 1.0
    skip_3: Gain = 1.0
    skip_4: Gain = 1.0
    skip_5: Gain = 1.0
    skip_6: Gain = 1.0
    skip_7: Gain = 1.0
    skip_8: Gain = 1.0
    noise: Annotated[float, Knob(0, 2, unit="x")] = 1.0
    random_noise: Switch = False
    turn: Annotated[float, Knob(-180, 180, unit="°", wraps=360)] = 0.0
    shift_x: Shift = 0.0
    shift_y: Shift = 0.0
    zoom: Annotated[float, Knob(0.25, 4, "exponential", unit="x")] = 1.0
    label_a: Label = 0
    label_b: Label = 0
    label_mix: Annotated[float, Knob(0, 1)] = 0.0


def lacking(config: "Config") -> list[str]:
    """The knobs that do nothing for a network of this configuration."""
    found = [] if config.c_dim else [*LABELS]
    if "noise" not in config.capabilities:
        found += NOISE
    if "transform" not in config.capabilities:
        found += TRANSFORM
    return found + (_lacking_in_encoder(config) if config.family == "canvas" else [*ENCODER])


def _lacking_in_encoder(config: "CanvasConfig") -> list[str]:
    skips = sum(block.gives_skip for block in config.encoder.blocks)
    found = [*SKIPS[skips:]]
    return found if config.encoder.normalises else ["frame_statistics", *found]


class Options:
    """How one network is called while its knobs stand at some values.

    A knob at its start adds no option, so that the call is the network's default one.
    """

    def __init__(self, network: "Network") -> None:
        self._network = network

    def label(self, values: Values) -> "Tensor | None":
        """Classes [1, c_dim] between ``label_a`` and ``label_b``; None where there are none.

        A number beyond the last class means the last.
        """
        import torch

        count = self._network.config.c_dim
        if not count:
            return None
        mix, last = values["label_mix"], count - 1
        classes = torch.zeros(1, count)
        classes[0, min(int(values["label_a"]), last)] += 1 - mix
        classes[0, min(int(values["label_b"]), last)] += mix
        return classes

    def code(self, condition: "Tensor", values: Values) -> "Code":
        """What the encoder makes of a condition [1, 3, H, W]."""
        assert self._network.encoder is not None
        statistics = "frame" if values["frame_statistics"] else "stored"
        code: Code = self._network.encoder(condition, statistics)
        rows = int(values["encoder_ws"])
        return code if rows < 0 else code.replacing(min(rows, code.w.shape[1]))

    def moving(self, values: Values) -> dict[str, npt.ArrayLike]:
        """What a call can read where it lies on a device, by name: see `Moving`."""
        match self._network.config:
            case CanvasConfig() as config:
                rows = int(values["encoder_ws"])
                trained = config.encoder_ws if rows < 0 else min(rows, config.num_ws)
                shares = _shares(values, trained, config.num_ws)
                return {"encoder_shares": shares, "skip_gains": self._gains_of(config, values)}
            case StyleGAN3Config():
                return {"placement": placement(*(values[name] for name in TRANSFORM))}
        return {}

    def mixed(
        self, w: "Tensor", code: "Code", values: Values, moving: Moving | None = None
    ) -> "tuple[Tensor, Code]":
        """w [1, num_ws, w_dim] and a code, with the rows of either as the knobs share them out."""
        if moving is not None:
            return shifted(w, code.w, moving["encoder_shares"]), code.replacing(0)
        if not row_shares(values["encoder_from"], values["encoder_to"], w.shape[1]).any():
            return w, code
        shares = _shares(values, code.encoder_ws, w.shape[1])
        return shifted(w.to(code.w), code.w, shares), code.replacing(0)

    def synthesis(self, values: Values, frame: int, moving: Moving | None = None) -> dict[str, Any]:
        """Options for the synthesis of the frame of this number, which seeds random noise."""
        match self._network.config:
            case CanvasConfig() as config:
                return self._gains(config, values, moving)
            case StyleGAN3Config():
                return self._transform(values, moving)
        return self._noise(values, frame)

    def _gains(
        self, config: "CanvasConfig", values: Values, moving: Moving | None
    ) -> dict[str, Any]:
        if moving is not None:
            return {"skip_gains": [*moving["skip_gains"].unbind()]}
        gains = self._gains_of(config, values)
        return {} if all(gain == 1 for gain in gains) else {"skip_gains": gains}

    @staticmethod
    def _gains_of(config: "CanvasConfig", values: Values) -> list[float]:
        count = sum(block.gives_skip for block in config.encoder.blocks)
        return [values["skips"] * values.get(f"skip_{each}", 1.0) for each in range(1, count + 1)]

    def _noise(self, values: Values, frame: int) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if values["noise"] != 1:
            options["noise_strength"] = values["noise"]
        if values["random_noise"]:
            import torch

            from cuda_ops.cuda.recording import refuse

            refuse("random noise is drawn by the host in every frame")
            torch.manual_seed(frame)  # so that a frame painted again has the same noise
            options["noise"] = "random"
        return options

    def _transform(self, values: Values, moving: Moving | None) -> dict[str, Any]:
        stored: Tensor = self._network.synthesis.input.transform  # type: ignore[assignment,union-attr]
        if moving is not None:
            return {"transform": stored @ moving["placement"]}
        turn, x, y, zoom = (values[name] for name in TRANSFORM)
        if (turn, x, y, zoom) == (0, 0, 0, 1):
            return {}
        return {"transform": stored @ stored.new_tensor(placement(turn, x, y, zoom))}


def _shares(values: Values, trained: int, count: int) -> Shares:
    """How much of each of ``count`` rows of w is the encoder's, of which the first ``trained`` are
    where no knob says otherwise."""
    own = row_shares(0, trained, count)
    covered = row_shares(values["encoder_from"], values["encoder_to"], count)
    shares: Shares = own + covered * (np.float32(values["encoder_mix"]) - own)
    return shares


def placement(turn: float, x: float, y: float, zoom: float) -> list[list[float]]:
    """From a point of the screen to the point that is seen there, as a matrix [3, 3].

    What is seen was enlarged by ``zoom``, turned clockwise by ``turn`` degrees, and shifted by
    ``x`` to the right and ``y`` down, in picture heights.
    """
    cosine, sine = math.cos(math.radians(turn)) / zoom, math.sin(math.radians(turn)) / zoom
    return [
        [cosine, sine, -cosine * x - sine * y],
        [-sine, cosine, sine * x - cosine * y],
        [0.0, 0.0, 1.0],
    ]
