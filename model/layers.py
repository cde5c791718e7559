"""What the families share: affine layers, modulated convolutions, taps, and picture geometry."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import (
    TYPE_CHECKING,
    Generic,
    NamedTuple,
    Protocol,
    TypeAlias,
    TypeVar,
    runtime_checkable,
)

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from cuda_ops.cpu.blocks import Blocks
    from cuda_ops.cuda.slots import Slots

Bend: TypeAlias = Callable[[Tensor], Tensor]
Size: TypeAlias = tuple[int, int]
T = TypeVar("T")


class Prepared(Generic[T]):
    """A value made from parameters, kept until one of them changes.

    While gradients are recorded for one of the parameters, it is made anew each time.
    """

    def __init__(self, make: Callable[..., T]) -> None:
        self._make = make
        self._sources: tuple[Tensor, ...] = ()
        self._key: tuple[object, ...] = ()
        self._value: T | None = None

    def __call__(self, dtype: torch.dtype, *sources: Tensor) -> T:
        """The value for ``sources``, made by ``make(dtype, *sources)`` where it must be."""
        if torch.is_grad_enabled() and any(source.requires_grad for source in sources):
            return self._make(dtype, *sources)
        key = (dtype, *(state_of(source) for source in sources))
        if self._value is None or key != self._key:
            self._value = self._make(dtype, *sources)
            self._key, self._sources = key, sources  # held, so that no identity is used twice
        return self._value


def state_of(tensor: Tensor) -> tuple[object, ...]:
    """What changes when the values of ``tensor`` do."""
    version = 0 if tensor.is_inference() else tensor._version
    return id(tensor), tensor.data_ptr(), tensor.dtype, tensor.device, version


class Drawn(nn.Module):
    """A module whose constructor only allocates: its values come from a file, or from `draw`.

    Zeros and ones are there at once. Nothing else is, since networks are laid out on torch's meta
    device before their file fills them, where arithmetic would load a compiler (a second, 80 MB).
    """

    def draw(self) -> None:
        """Fresh weights from torch's default generator, and the filters that are designed."""
        raise NotImplementedError


N = TypeVar("N", bound=nn.Module)


@torch.no_grad()
def drawn(network: N) -> N:
    """``network`` with fresh weights throughout."""
    for module in network.modules():
        if isinstance(module, Drawn):
            module.draw()
    return network


class Affine(Drawn):
    """A fully connected layer with equalised learning rate (arXiv:1710.10196, section 4.1)."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        learning_rate_multiplier: float = 1.0,
        bias: float = 0.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.full([out_features], bias))
        self._multiplier = learning_rate_multiplier
        self._gained = Prepared(self._with_gains)

    def draw(self) -> None:
        self.weight.normal_(std=1 / self._multiplier)

    def forward(self, x: Tensor) -> Tensor:
        """[N, in_features] to [N, out_features]."""
        return F.linear(x, *self.gained())

    def gained(self) -> tuple[Tensor, Tensor]:
        """Weight [out, in] and bias [out] as they multiply, their gains included."""
        weight, bias = self._gained(self.weight.dtype, self.weight, self.bias)
        return weight, bias

    def _with_gains(self, _dtype: torch.dtype, weight: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
        gain = self._multiplier / math.sqrt(weight.shape[1])
        return weight * gain, bias * self._multiplier


class Kernel(NamedTuple):
    """A convolution kernel made ready for modulation.

    Attributes:
        unit: the kernel, each output channel scaled to length 1, [out, in, k, k].
        cast: the same in the dtype of the feature maps.
        length: what each output channel was divided by, [out].
        energy: squares of ``unit`` summed over its pixels and transposed, [in, out].
    """

    unit: Tensor
    cast: Tensor
    length: Tensor
    energy: Tensor


def unit_kernel(dtype: torch.dtype, weight: Tensor) -> Kernel:
    """``weight`` [out, in, k, k] as a `Kernel` for feature maps of ``dtype``.

    Kernels of length 1 keep half precision far from its limits whatever the weights are.
    """
    length = weight.square().sum([1, 2, 3]).sqrt().clamp_min(torch.finfo(weight.dtype).tiny)
    unit = weight / length[:, None, None, None]
    return Kernel(unit, unit.to(dtype), length, unit.square().sum([2, 3]).t().contiguous())


def demodulation(kernel: Kernel, styles: Tensor, length: Tensor) -> Tensor:
    """The gain [N, out] that keeps a modulated convolution at unit variance.

    ``length`` [N, out] is the length of the kernels before `unit_kernel`, times what the styles
    [N, in] were divided by. Source: Karras et al. 2020, arXiv:1912.04958, equation 3.
    """
    energy = styles.square() @ kernel.energy
    return length * (length.square() * energy + 1e-8).rsqrt()


def modulated(
    x: Tensor,
    kernel: Kernel,
    styles: Tensor,
    gains: Tensor,
    convolve: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Convolve with input channels scaled by ``styles`` [N, in] and outputs by ``gains`` [N, out].

    A kernel smaller than its feature maps takes up the scales itself, one sample at a time, which
    saves passes over the maps and, in half precision, two roundings. Otherwise, and while
    gradients are recorded, the maps are scaled and one kernel serves the whole batch.
    """
    if kernel.unit.numel() < x[0].numel() and not torch.is_grad_enabled():
        scales = (gains[:, :, None] * styles[:, None])[..., None, None]
        kernels = [(kernel.unit * scale).to(x.dtype) for scale in scales]
        outputs = [convolve(x[i : i + 1], scaled) for i, scaled in enumerate(kernels)]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)
    y = convolve(x * styles[:, :, None, None].to(x.dtype), kernel.cast)
    return y * gains[:, :, None, None].to(x.dtype)


@runtime_checkable
class BlockBend(Protocol):
    """A bend that native kernels may know."""

    @property
    def plays_in_blocks(self) -> bool:
        """Whether they do."""

    def in_blocks(self, blocks: "Blocks") -> None:
        """Write down the steps that do what a call would."""


@runtime_checkable
class SlotBend(Protocol):
    """A bend that kernels on a device may know."""

    @property
    def plays_in_slots(self) -> bool:
        """Whether they do."""

    def in_slots(self, slots: "Slots") -> None:
        """Launch what does what a call would."""


class Taps:
    """Where one pass through a network is bent, and where its feature maps are kept.

    ``ValueError`` where a name is none of ``names``.
    """

    def __init__(
        self,
        names: Collection[str],
        bends: Mapping[str, Bend] | None,
        features: Collection[str] | None,
    ) -> None:
        self._bends = bends or {}
        self._features = frozenset(features or ())
        self.kept: dict[str, Tensor] = {}
        for name in (*self._bends, *self._features):
            if name not in names:
                raise ValueError(f"no layer {name}; there are {', '.join(names)}")

    @property
    def names(self) -> frozenset[str]:
        """The layers that are bent or kept."""
        return self._features.union(self._bends)

    def keeps(self, name: str) -> bool:
        """Whether the feature maps of a layer are wanted."""
        return name in self._features

    def in_blocks(self, name: str) -> BlockBend | None:
        """What bends a layer where its map lies; None where a tensor is wanted."""
        bend: object = self._bends.get(name)
        if isinstance(bend, BlockBend) and bend.plays_in_blocks and not self.keeps(name):
            return bend
        return None

    def in_slots(self, name: str) -> SlotBend | None:
        """What bends a layer where its map lies on a device; None where a tensor is wanted."""
        bend: object = self._bends.get(name)
        if isinstance(bend, SlotBend) and bend.plays_in_slots and not self.keeps(name):
            return bend
        return None

    def __call__(self, name: str, x: Tensor) -> Tensor:
        """What the layer ``name`` hands on, given its output ``x`` [N, C, H, W]."""
        if name in self._bends:
            x = _bent(name, self._bends[name], x)
        if name in self._features:
            self.kept[name] = at_least_float32(x)
        return x


def _bent(name: str, bend: Bend, x: Tensor) -> Tensor:
    bent = bend(x)
    if bent.shape != x.shape:
        shapes = f"{list(x.shape)} to {list(bent.shape)}"
        raise ValueError(f"the bend of {name} turns {shapes}; it must keep the shape")
    return bent.to(x.dtype)


def taps_for(
    names: Collection[str],
    bends: Mapping[str, Bend] | None,
    features: Collection[str] | None,
) -> Taps | None:
    """Taps, or None where nothing is bent and nothing kept."""
    return Taps(names, bends, features) if bends or features else None


def at_least_float32(x: Tensor) -> Tensor:
    """Half precision widened to float32, anything wider as it is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def centre_crop(x: Tensor, size: Size | None) -> Tensor:
    """The middle ``(height, width)`` of [N, C, H, W]; None is all of it."""
    if size is None or size == x.shape[2:]:
        return x
    top, left = ((have - want) // 2 for have, want in zip(x.shape[2:], size, strict=True))
    return x[:, :, top : top + size[0], left : left + size[1]]


def mirror_pad(x: Tensor, margin: int) -> Tensor:
    """Mirrored ``margin`` pixels beyond each side, back and forth where the map is narrower."""
    if margin < min(x.shape[2:]):
        return F.pad(x, [margin] * 4, mode="reflect")
    rows, columns = (_mirrored(size, margin, x.device) for size in x.shape[2:])
    return x[:, :, rows[:, None], columns]


def _mirrored(size: int, margin: int, device: torch.device) -> Tensor:
    period = max(2 * (size - 1), 1)
    index = torch.arange(-margin, size + margin, device=device) % period
    return torch.minimum(index, period - index) if size > 1 else torch.zeros_like(index)


def check_size(size: Size) -> Size:
    """``size`` (height, width) as two whole numbers from 1 up, else ValueError."""
    if len(size) != 2 or any(int(side) != side or side < 1 for side in size):
        raise ValueError(f"size is (height, width) in pixels, not {size!r}")
    return int(size[0]), int(size[1])


def check_ws(w: Tensor, num_ws: int, w_dim: int) -> None:
    """Refuse a w that is not [N, num_ws, w_dim] (ValueError)."""
    if w.ndim != 3 or w.shape[1:] != (num_ws, w_dim):
        raise ValueError(f"w is [N, {num_ws}, {w_dim}], not {list(w.shape)}")
