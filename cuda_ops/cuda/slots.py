"""Bends one feature map on a device, by launches that follow amounts which lie there.

Whoever makes the map writes it aside; bends go on from there, and the last one writes it where the
next layer reads it, times its styles. `Slots.choose` says how much of what follows each channel and
pixel takes. Whatever moves (amounts, masks, memories) is a tensor on the device, which a graph that
was captured once reads anew; the rest is part of what was captured.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from ctypes import Structure
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from cuda_ops.cuda import maps, recording
from cuda_ops.cuda.bend_kernels import BendKernels
from cuda_ops.cuda.engine import ITEM_THREADS, Engine, Launch
from cuda_ops.cuda.kinds import Kind, spread
from cuda_ops.cuda.maps import address
from cuda_ops.cuda.parameters import (
    Extreme,
    Keep,
    Moments,
    Permute,
    Places,
    Point,
    Resample,
    Rows,
    Smooth,
    Taken,
    Taps,
)

# In the order of their numbers in the sources.
Formula = Literal["multiply", "add", "ablate", "invert", "threshold", "clamp", "power"]
_OTHER, _BY_SLOT = len(get_args(Formula)), len(get_args(Formula)) + 1
Move = Literal[
    "translate",
    "rotate",
    "scale",
    "shear",
    "flip horizontal",
    "flip vertical",
    "flip both",
    "trail",
    "kaleidoscope",
    "displace",
    "seed",
]
Border = Literal["reflect", "edge", "wrap", "zeros"]

_RUN = 4  # neighbours along a line that one thread makes, as the sources say
_WARPS = 8  # of a block
_MOST_KEPT = 64


class _Share(NamedTuple):
    """How much is taken, as tensors on the device; see `Slots.choose`."""

    by_slot: Tensor
    mix: Tensor | None
    mask: Tensor | None
    begun: Tensor | None


class _Waiting(NamedTuple):
    """A launch that is to come."""

    name: str
    launch: Launch
    parameters: Any
    held: object


class Slots:
    """One map of a kind, whose channels lie at ``slots``, int64.

    Attributes:
        map: where it lies in the end, [1, slots, height, width].
    """

    def __init__(self, engine: Engine, kind: Kind, lies: Tensor, slots: Tensor) -> None:
        self.map = lies
        self._kind, self._slots = kind, slots
        self._kernels = BendKernels(engine, kind)
        self._copy = maps.finish(engine, kind, lies, lies)
        self._kept: dict[Hashable, tuple[object, Tensor]] = {}
        self._all = spread(torch.ones(len(slots), device=lies.device), slots, lies.shape[1])
        self._start(lies)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the map."""
        return self.map.shape[2], self.map.shape[3]

    @property
    def channels(self) -> int:
        """How many the map has."""
        return len(self._slots)

    def at(self, span: slice) -> Tensor:
        """Where some of the channels lie."""
        return self._slots[span]

    def are_ready(self) -> bool:
        """Whether the kernels are loaded; see `BendKernels.are_ready`."""
        return self._kernels.are_ready()

    def features(self) -> Tensor:
        """The map as it is now, [1, channels, height, width]."""
        self._catch_up()
        return self._lies[:, self._slots]

    def begin(self) -> Tensor:
        """Begin with a map like this one, which the caller is to write."""
        self._start(torch.empty_like(self.map))
        return self._lies

    def end(self, styles: Tensor | None = None) -> None:
        """Have the map where it lies in the end, times ``styles``, by slot."""
        self._settle()
        if self._waiting is not None:
            at = self._waiting.parameters.at
            at.out, at.gain = self.map.data_ptr(), address(styles)
            self._catch_up()
        else:
            copy = self._copy.parameters
            copy.source, copy.gain = self._lies.data_ptr(), address(styles)
            self._copy()
        self._start(self.map)

    def choose(
        self,
        weights: Tensor | None,
        *,
        mix: Tensor | None = None,
        mask: Tensor | None = None,
        begun: Tensor | None = None,
    ) -> None:
        """Of what follows take ``weights`` [channels] times ``mix`` (its first number) times
        ``mask`` [height, width], and nothing where ``begun`` is 0. None is all of it.

        ValueError for another shape.
        """
        self._settle()
        for given, shape in ((weights, (self.channels,)), (mask, self.size)):
            if given is not None and given.shape != shape:
                raise ValueError(f"a share of {list(given.shape)} does not fit {list(shape)}")
        self._share = _Share(
            self._all if weights is None else self._by_slot(weights),
            mix,
            None if mask is None else mask.float().contiguous(),
            begun,
        )

    def _by_slot(self, values: Tensor) -> Tensor:
        """``values`` [channels] where their channels lie, kept for as long as these do."""
        key = values.data_ptr(), values.device, len(values)
        return self._made_once(key, values, lambda: spread(values, self._slots, self.map.shape[1]))

    def _made_once(self, key: Hashable, source: object, make: Callable[[], Tensor]) -> Tensor:
        """What ``make`` made for a key, which no other ``source`` has while this one is held."""
        if key not in self._kept:
            recording.refuse_recording("what a bend keeps went away")  # it would be made at replays
            for former in [*self._kept][: len(self._kept) + 1 - _MOST_KEPT]:
                del self._kept[former]
            self._kept[key] = source, make().to(self.map.device)
        return recording.hold(self._kept[key][1])

    def point(self, formula: Formula, knobs: Tensor, magnitude: float = 1.0) -> None:
        """Each feature by itself, as ``formula`` says of ``knobs``."""
        number = get_args(Formula).index(formula)
        self._point(number, knobs, magnitude=magnitude)

    def fade_to(self, other: Tensor, fade: Tensor) -> None:
        """Each feature fades to that of another map, as `keep` left it."""
        self._point(_OTHER, fade, other=other)

    def permute(self, sources: Sequence[int], fade: Tensor) -> None:
        """Each channel fades to that of its number in ``sources`` [channels]."""
        wanted = tuple(sources)
        by_slot = self._made_once(wanted, None, lambda: self._sources(wanted))
        source, at = self._next(moves=True)
        parameters = Permute(
            at=at, source=source, sources=by_slot.data_ptr(), knobs=fade.data_ptr()
        )
        self._take("permute_bend_kernel", self._over(*self.size), parameters, by_slot, fade)

    def places(
        self, move: Move, knobs: Tensor, pixels: float = 1.0, after: Tensor | None = None
    ) -> Tensor:
        """Where a ``move`` reads each pixel, or each of the places ``after`` another: [H, W, 2].

        ``pixels`` are those of a picture's height.
        """
        return self._places(move, knobs, pixels, source=address(after))

    def displaced(self, knobs: Tensor, pixels: float, waves: Tensor, count: int) -> Tensor:
        """Where ``count`` of the ``waves`` [5, drawn, 2] have each pixel read: [H, W, 2]."""
        given = {"waves": waves.data_ptr(), "drawn": waves.shape[1], "count": count}
        return self._places("displace", knobs, pixels, **given)

    def resample(
        self,
        places: Tensor,
        border: Border,
        *,
        nearest: bool = False,
        fade: Tensor | None = None,
        memory: Tensor | None = None,
    ) -> None:
        """Read each pixel at its own of ``places`` [height, width, 2], in pixels about the centre.

        ``memory`` is read instead of the map, as `keep` left it; with ``fade``, the map fades so
        far to what is read. ValueError for other places.
        """
        if places.shape != (*self.size, 2):
            raise ValueError(f"positions {list(places.shape)} do not fit {list(self.size)}")
        places = places.float().contiguous()
        source, at = self._next(moves=memory is None)
        parameters = Resample(
            at=at,
            source=source,
            read=source if memory is None else memory.data_ptr(),
            places=places.data_ptr(),
            fade=address(fade),
            border=get_args(Border).index(border),
            nearest=nearest,
        )
        held = places, fade, memory
        self._take("resample_bend_kernel", self._over(*self.size), parameters, *held)

    def highest(self, radius: Tensor, pixels: float) -> None:
        """The highest in a square of ``radius`` picture heights, of so many ``pixels`` each;
        between two whole numbers of pixels, a straight way."""
        self._extreme(radius, pixels, lowest=False)

    def lowest(self, radius: Tensor, pixels: float) -> None:
        """As `highest`, the lowest."""
        self._extreme(radius, pixels, lowest=True)

    def highest_of(self, side: Tensor) -> None:
        """The highest in a square of ``side`` pixels, from ``side // 2`` before on."""
        self._extreme(side, 0.0, lowest=False)

    def lowest_of(self, side: Tensor) -> None:
        """As `highest_of`, the lowest."""
        self._extreme(side, 0.0, lowest=True)

    def smooth(
        self, sigma: Tensor, pixels: float, most_sigma: float, *, sharpen: Tensor | None = None
    ) -> None:
        """A blur of ``sigma`` picture heights, ``most_sigma`` at most, of so many ``pixels`` each;
        or ``sharpen`` times more of what it would take away."""
        most = math.ceil(3 * most_sigma * pixels)
        taps = self.map.new_empty(2 * most + 2, dtype=torch.float32)
        columns = self.map.new_empty(self.map.shape, dtype=torch.float32)
        drawn = Taps(out=taps.data_ptr(), sigma=sigma.data_ptr(), pixels=pixels, most=most)
        self._run("taps_kernel", Launch((1, 1, 1), ITEM_THREADS), drawn)
        source, at = self._next()
        parameters = Smooth(
            at=at,
            source=source,
            columns=columns.data_ptr(),
            taps=taps.data_ptr(),
            sharpen=address(sharpen),
            most=most,
        )
        self._along_lines("smooth", parameters, columns, taps, sharpen)

    def normalise(self, mean: Tensor, deviation: Tensor, *, least: float, fade: Tensor) -> None:
        """Each channel fades to ``mean`` and ``deviation`` [channels]; its own is ``least`` or
        more."""
        slots, (height, width) = self.map.shape[1], self.size
        rows = self.map.new_empty(2 * height * slots, dtype=torch.float32)
        scale, shift = self.map.new_empty((2, slots), dtype=torch.float32)
        sizes = {"slots": slots, "height": height, "width": width}
        seen = Rows(source=self._lies.data_ptr(), out=rows.data_ptr(), **sizes)
        self._run("rows_kernel", self._over(height, 1), seen)
        wanted = Moments(
            rows=rows.data_ptr(),
            mean=self._by_slot(mean).data_ptr(),
            deviation=self._by_slot(deviation).data_ptr(),
            scale=scale.data_ptr(),
            shift=shift.data_ptr(),
            least=least,
            **sizes,
        )
        launch = Launch((-(-slots // _WARPS), 1, 1), ITEM_THREADS)
        self._run("moments_kernel", launch, wanted)
        self._point(_BY_SLOT, fade, scale=scale, shift=shift)

    def keep(self, memory: Tensor, *, unless: Tensor | None = None) -> None:
        """Write the map as it is now to ``memory``, which is like it; not where ``unless`` is 1."""
        height, width = self.size
        parameters = Keep(
            source=self._lies.data_ptr(),
            out=memory.data_ptr(),
            unless=address(unless),
            slots=self.map.shape[1],
            height=height,
            width=width,
        )
        self._run("keep_kernel", self._over(height, width), parameters)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Let the map take no share of what is done within, but of what follows upon that."""
        self._is_aside = True
        try:
            yield
        finally:
            self._is_aside = False

    def _start(self, lies: Tensor) -> None:
        self._lies = self._plain = lies  # what bends read, and what takes its share of it
        self._maps = [lies]  # to write to, in turns
        self._is_aside = False
        self._waiting: _Waiting | None = None
        self.choose(None)

    def _settle(self) -> None:
        """What was made aside and not gone on with, as by a bend that failed, is nobody's."""
        if self._lies is not self._plain:
            self._lies, self._waiting = self._plain, None

    def _next(self, *, moves: bool = False) -> tuple[int, Taken]:
        """What the next launch reads, and how what it makes is taken; then that is what there is.

        Where it ``moves`` features, it cannot write to where it reads.
        """
        source, plain = self._lies, self._plain
        if self._is_aside:
            out = self._spare() if moves or source is plain else source
        else:
            out = self._spare() if moves and source is plain else plain
            self._plain = out
        self._lies = out
        share = self._share
        taken = Taken(
            was=None if self._is_aside else plain.data_ptr(),
            out=out.data_ptr(),
            share=share.by_slot.data_ptr(),
            mix=address(share.mix),
            mask=address(share.mask),
            begun=address(share.begun),
            slots=self.map.shape[1],
            height=self.size[0],
            width=self.size[1],
        )
        return source.data_ptr(), taken

    def _spare(self) -> Tensor:
        """A map to write to."""
        for each in self._maps:
            if each is not self._lies and each is not self._plain:
                return each
        self._maps.append(torch.empty_like(self.map))
        return self._maps[-1]

    def _places(self, move: Move, knobs: Tensor, pixels: float, **given: int | None) -> Tensor:
        height, width = self.size
        out = self.map.new_empty((height, width, 2), dtype=torch.float32)
        parameters = Places(
            out=out.data_ptr(),
            knobs=knobs.data_ptr(),
            move=get_args(Move).index(move),
            height=height,
            width=width,
            pixels=pixels,
            **given,
        )
        launch = Launch((-(-width // ITEM_THREADS), height, 1), ITEM_THREADS)
        self._run("places_kernel", launch, parameters)
        return out

    def _point(self, formula: int, knobs: Tensor, magnitude: float = 1.0, **given: Tensor) -> None:
        source, at = self._next()
        parameters = Point(
            at=at,
            source=source,
            knobs=knobs.data_ptr(),
            formula=formula,
            magnitude=magnitude,
            **{name: each.data_ptr() for name, each in given.items()},
        )
        self._take("point_bend_kernel", self._over(*self.size), parameters, knobs, given)

    def _extreme(self, knob: Tensor, pixels: float, *, lowest: bool) -> None:
        columns = self.map.new_empty(2 * self.map.numel())
        source, at = self._next()
        parameters = Extreme(
            at=at,
            source=source,
            columns=columns.data_ptr(),
            knobs=knob.data_ptr(),
            pixels=pixels,
            lowest=lowest,
        )
        self._along_lines("extreme", parameters, knob, columns)

    def _along_lines(self, name: str, parameters: Structure, *held: object) -> None:
        """Columns, then rows of these: a thread has some neighbours along the line."""
        height, width = self.size
        self._run(f"{name}_down_kernel", self._over(-(-height // _RUN), width), parameters)
        across = self._over(height, -(-width // _RUN))
        self._take(f"{name}_across_kernel", across, parameters, *held)

    def _over(self, rows: int, columns: int) -> Launch:
        """A thread for each word of so many rows and columns of pixels."""
        words = self.map.shape[1] // self._kind.channels
        return Launch((-(-columns * words // ITEM_THREADS), rows, 1), ITEM_THREADS)

    def _sources(self, channels: Sequence[int]) -> Tensor:
        by_slot = torch.arange(self.map.shape[1], dtype=torch.int32)
        slots = self._slots.cpu()
        by_slot[slots] = slots[list(channels)].int()
        return by_slot

    def _run(self, name: str, launch: Launch, parameters: Structure) -> None:
        """Launch what makes something to be read."""
        self._catch_up()
        self._kernels(name, launch, parameters)

    def _take(self, name: str, launch: Launch, parameters: Structure, *held: object) -> None:
        """Have what a bend makes of the map launched: only once it is known whether it is the last
        one. ``held`` is what it reads until then."""
        self._catch_up()
        self._waiting = _Waiting(name, launch, parameters, (self._share, held))

    def _catch_up(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._kernels(waiting.name, waiting.launch, waiting.parameters)
