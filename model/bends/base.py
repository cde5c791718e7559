"""What every bend shares: where it works, on which channels, and how much of it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from model.knob import Knob
from model.settings import Settings

if TYPE_CHECKING:
    import torch


class ChannelRange(BaseModel):
    """The channels ``first`` … ``last``, both included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    range: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]

    @model_validator(mode="after")
    def _in_order(self) -> "ChannelRange":
        if self.range[0] > self.range[1]:
            raise ValueError("the first channel comes after the last")
        return self


class BendSettings(Settings):
    """``layer`` by name, index or depth (``30%``), ``channels``, and ``mix`` with the unbent."""

    layer: str | int
    channels: Literal["all"] | ChannelRange = "all"
    mix: Annotated[float, Knob(0, 1)] = 1.0


class Bend(Protocol):
    """One operation on feature maps."""

    Settings: ClassVar[type[BendSettings]]
    settings: Any

    def __init__(self, settings: Any) -> None: ...

    def neutral(self, values: Mapping[str, float]) -> bool:
        """Whether these amounts change nothing, so that the layer is left alone."""
        ...

    def apply(
        self, features: "torch.Tensor", amounts: "torch.Tensor", pixels_per_picture: float
    ) -> "torch.Tensor":
        """The bent features, [N, C, H, W] to the same.

        ``amounts`` is one value per knob, in the order of ``Settings.knobs()``, on the device of
        the features. ``pixels_per_picture`` is the height of the picture in pixels of this layer,
        so that an amount means the same at every layer and canvas size.
        """
        ...


def find_layer(wanted: str | int, names: Sequence[str]) -> str:
    """The layer meant by a name, an index or a depth such as ``30%``. Errors: ValueError."""
    text = str(wanted)
    if text in names:
        return text
    if text.endswith("%") and (depth := _number(text[:-1])) is not None and 0 <= depth <= 100:
        return names[round(depth / 100 * (len(names) - 1))]
    if text.isdigit() and int(text) < len(names):
        return names[int(text)]
    raise ValueError(f"no layer {text}; there are {', '.join(names)}, 0 … {len(names) - 1}, or 30%")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
