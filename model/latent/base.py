"""What every kind of latent shares: truncation, styles for some rows, and directions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

from pydantic import Field, SerializeAsAny

from model.knob import Knob
from model.latent.directions import DirectionSettings
from model.settings import Name, Playable, Settings

if TYPE_CHECKING:
    import torch

    from model.config import Config
    from model.latent.space import Space

Seed = Annotated[int, Field(ge=0, lt=2**32)]
Through = Literal["z", "w"]
Row = Annotated[float, Knob(0, 32, unit="rows")]
Truncation = Annotated[float, Knob(-1, 1.5)]
Position = Annotated[float, Knob(0, 1)]


class Truncated(Playable):
    """``truncation`` draws the first ``cutoff`` rows of w towards the mean, all of them at -1."""

    truncation: Truncation = 0.9
    cutoff: Annotated[int, Knob(-1, 32, unit="rows", step=1)] = -1


class LatentSettings(Playable):
    """What is done to w, whatever it comes from.

    The rows from ``style_from`` up to ``style_to`` go ``style_mix`` of the way to another w: that
    of ``style_seed``, or of a latent of its own, ``style``. Ends between two rows take the row in
    by that share. ``directions`` move w, each by its amount.
    """

    style_seed: Annotated[int, Knob(0, 9999, step=1)] = 0
    style_from: Row = 0.0
    style_to: Row = 0.0
    style_mix: Annotated[float, Knob(0, 1)] = 1.0
    style: SerializeAsAny[Truncated] | None = None
    directions: dict[Name, DirectionSettings] = Field(default_factory=dict)


class Latent(Protocol):
    """One way to be somewhere in the latent space.

    ``Path`` is what a scene may say where it is the style of another, ``Settings`` elsewhere.
    """

    Path: ClassVar[type[Settings]]
    Settings: ClassVar[type[Settings]]
    settings: Any

    def __init__(self, settings: Any) -> None: ...

    def prepare(self, config: "Config") -> None:
        """Make ready what takes long. Errors: LoadError where it does not fit the network."""
        ...

    @property
    def period(self) -> float:
        """After how long a walk it is where it was; infinite where never."""
        ...

    def w(self, space: "Space", walked: float, values: Mapping[str, float]) -> "torch.Tensor":
        """w [1, num_ws, w_dim] after a walk of ``walked`` (the ``speed`` of values, by seconds).

        A function of these alone, and continuous in them.
        """
        ...
