"""The recipe of a training: everything that decides its outcome, frozen and strict.

Every field has a default that suits one photographer's folder on an ordinary computer. Counts are
in pictures seen, not in steps, so that a recipe means the same whatever the batch.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Share: TypeAlias = Annotated[float, Field(gt=0, le=1e6)]
Weight: TypeAlias = Annotated[float, Field(ge=0, le=1e6)]
Unit: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Images: TypeAlias = Annotated[int, Field(ge=0, le=1_000_000_000)]
Side: TypeAlias = Annotated[int, Field(ge=16, le=4096)]
Minutes: TypeAlias = Annotated[float, Field(gt=0, le=1e6)]
Range: TypeAlias = tuple[
    Annotated[float, Field(ge=0, le=256)], Annotated[float, Field(ge=0, le=256)]
]


def _height_and_width(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\d{1,5}x\d{1,5}", value):
        width, height = value.split("x")
        return int(height), int(width)
    return value


Canvas: TypeAlias = Annotated[tuple[Side, Side], BeforeValidator(_height_and_width)]


Features: TypeAlias = Literal["squeezenet11", "vgg16"]


class Strict(BaseModel):
    """Frozen, and nothing but its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class BlurTask(Strict):
    """Deblur: the condition is the picture under the stage's `blur`, of a sigma from ``sigma``.

    Sigmas are drawn evenly on a logarithmic scale; 0 is drawn as no blur at all. ``grain`` is the
    deviation of noise upon the blur, drawn in the same way; 1 is half of the range of a picture.
    """

    kind: Literal["blur"] = "blur"
    share: Share = 1.0
    sigma: Range = (1.0, 8.0)
    grain: Range = (0.0, 0.0)


class EdgesTask(Strict):
    """Edges to picture: the condition is the stage's drawing, its two knobs drawn evenly."""

    kind: Literal["edges"] = "edges"
    share: Share = 1.0
    strength: Range = (0.7, 1.5)
    softness: Range = (0.5, 2.0)


class PlainTask(Strict):
    """Reconstruction: the condition is the picture itself, as small as conditions are."""

    kind: Literal["plain"] = "plain"
    share: Share = 1.0


class PairsTask(Strict):
    """Two folders: the condition is the picture of the same name in ``conditions``."""

    kind: Literal["pairs"] = "pairs"
    share: Share = 1.0


Task: TypeAlias = Annotated[
    BlurTask | EdgesTask | PlainTask | PairsTask, Field(discriminator="kind")
]


class NetworkRecipe(Strict):
    """Which network is trained.

    Attributes:
        start_from: a network file whose layers are taken over where their shapes agree; relative
            to where the command runs.
        frozen: patterns of parameter names, as ``mapping.*``, that keep their values.
        condition_size, channel_base, channel_max, latent_size: see `model.schedule`.
        encoder_ws: how many rows of w the encoder gives.
        full_skip: whether a skip as large as the condition joins late; see `model.schedule`.
        equaliser_bands: of `model.equaliser`, which is fitted to the blurs of ``tasks``; 0 is none.
    """

    family: Literal["canvas", "stylegan3", "stylegan2"] = "canvas"
    variant: Literal["t", "r"] = "t"
    resolution: Annotated[int, Field(ge=32, le=2048)] = 256
    condition_size: Annotated[int, Field(ge=32, le=2048)] | None = None
    channel_base: Annotated[int, Field(ge=64, le=1 << 18)] = 4096
    channel_max: Annotated[int, Field(ge=4, le=4096)] = 128
    latent_size: Annotated[int, Field(ge=4, le=4096)] = 512
    encoder_ws: Annotated[int, Field(ge=0, le=64)] = 4
    full_skip: bool = False
    equaliser_bands: Annotated[int, Field(ge=0, le=256)] = 0
    start_from: Path | None = None
    frozen: tuple[str, ...] = ()


class Stage(Strict):
    """A stretch of the run with one canvas, such as ``256x128`` (width, height), and one batch.

    Attributes:
        features: what its perceptual loss sees with, where it is not the loss's own.
        full_skip: the share of pictures that are painted with the network's full skip. Below 1 the
            layers before it have to learn to paint as well, and `model.skip_N` becomes a knob from
            what they imagine to what is true.
    """

    canvas: Canvas
    images: Annotated[int, Field(ge=1, le=1_000_000_000)]
    batch: Annotated[int, Field(ge=1, le=4096)] = 4
    features: Features | None = None
    full_skip: Unit = 1.0


class LossRecipe(Strict):
    """How far a picture is from the truth.

    Attributes:
        pixel: weight of the squared difference of pixels.
        perceptual: weight of the L1 distance of features.
        features: "squeezenet11" is about fifteen times cheaper than "vgg16".
        shrink: features see pictures this many times smaller, which costs its square less.
    """

    pixel: Weight = 1.0
    perceptual: Weight = 1.0
    features: Features = "squeezenet11"
    shrink: Literal[1, 2, 4] = 1


class AdversarialRecipe(Strict):
    """A discriminator that learns to tell pictures from photographs.

    Attributes:
        weight: of its say in the generator's loss; 0 is no discriminator.
        begins_at: pictures seen before it starts.
        phased_in: pictures over which its weight grows to the whole.
        r1: gamma of the penalty on the discriminator's gradient (Mescheder et al. 2018).
        r1_every: steps from one penalty to the next, which weighs as many times more.
        blur_sigma, blur_images: what the discriminator sees is blurred at first, in pixels, and
            less and less over so many pictures (Karras et al. 2021, appendix).
        channel_base, channel_max: size of the discriminator; see `model.training.discriminator`.
    """

    weight: Weight = 0.0
    begins_at: Images = 0
    phased_in: Images = 10_000
    r1: Weight = 1.0
    r1_every: Annotated[int, Field(ge=1, le=1024)] = 16
    blur_sigma: Annotated[float, Field(ge=0, le=64)] = 0.0
    blur_images: Images = 200_000
    channel_base: Annotated[int, Field(ge=16, le=1 << 18)] = 4096
    channel_max: Annotated[int, Field(ge=4, le=4096)] = 128


class AugmentRecipe(Strict):
    """What happens to pictures before they are seen.

    Attributes:
        mirror: photographs are mirrored half of the time.
        zoom: crops are up to this share of the way from native pixels to the whole picture.
        stretch: crops are up to so many times wider, or higher, than their canvas.
        adaptive: what it sees is augmented as often as it takes (Karras et al. 2020).
        target: how often the discriminator may be sure of photographs, as mean sign of its outputs.
        adapt_images: pictures over which the probability can go from 0 to 1.
    """

    mirror: bool = True
    zoom: Unit = 1.0
    stretch: Annotated[float, Field(ge=1, le=2)] = 1.0
    adaptive: bool = True
    target: Annotated[float, Field(gt=0, lt=1)] = 0.6
    adapt_images: Annotated[int, Field(ge=1, le=1_000_000_000)] = 500_000


class OptimiserRecipe(Strict):
    """Adam, for the generator and for the discriminator.

    Attributes:
        cooldown: the last share of the run, over which the generator's rate falls to nothing.
        beta1: 0 is usual where the discriminator alone teaches.
    """

    rate: Annotated[float, Field(gt=0, le=1)] = 0.0025
    discriminator_rate: Annotated[float, Field(gt=0, le=1)] = 0.002
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    cooldown: Unit = 0.2


class AverageRecipe(Strict):
    """The network that is kept is a running average of the one that learns.

    Attributes:
        half_life: pictures over which what was learnt counts half.
        ramp: never more than this share of what was seen; 0 is no ramp.
    """

    half_life: Images = 10_000
    ramp: Unit = 0.05


class Recipe(Strict):
    """A whole training.

    Attributes:
        pictures: folder of JPEG and PNG pictures, or of crops that ``performer dataset`` packed.
        conditions: folder of the conditions, where a task is ``pairs``.
        mood: how far z grades the light and colour of the truth, so that the latent space of a
            network that learns from pairs means something; 0 is not at all.
        batch_norm_momentum: how fast the statistics of the encoder follow.
        precision: of the convolutions, "bfloat16" where the processor has it.
        tensorboard: whether losses are written for it too, where it is installed.
        checkpoint_minutes, sheet_images, row_images: how often the run is written down, painted,
            and its losses noted.
        most_faults: how many steps in a row may give no finite number before the run stops.
    """

    pictures: Path
    conditions: Path | None = None
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    network: NetworkRecipe = NetworkRecipe()
    tasks: Annotated[tuple[Task, ...], Field(max_length=16)] = (BlurTask(),)
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=32)]
    loss: LossRecipe = LossRecipe()
    adversarial: AdversarialRecipe = AdversarialRecipe()
    augment: AugmentRecipe = AugmentRecipe()
    optimiser: OptimiserRecipe = OptimiserRecipe()
    average: AverageRecipe = AverageRecipe()
    mood: Unit = 0.0
    batch_norm_momentum: Annotated[float, Field(gt=0, le=1)] = 0.02
    precision: Literal["float32", "bfloat16"] = "float32"
    tensorboard: bool = True
    checkpoint_minutes: Minutes = 5.0
    sheet_images: Annotated[int, Field(ge=1)] = 2_000
    row_images: Annotated[int, Field(ge=1)] = 200
    most_faults: Annotated[int, Field(ge=1, le=1000)] = 5

    @property
    def images(self) -> int:
        """Pictures seen over the whole run."""
        return sum(stage.images for stage in self.stages)

    @property
    def reconstructs(self) -> bool:
        """Whether there is a truth to compare pictures with."""
        return self.network.family == "canvas"

    def stage_at(self, seen: int) -> Stage:
        """The stage when ``seen`` pictures were seen; the last one goes on for ever."""
        for stage in self.stages:
            if seen < stage.images:
                return stage
            seen -= stage.images
        return self.stages[-1]

    @model_validator(mode="after")
    def _fits_together(self) -> "Recipe":
        is_canvas = self.reconstructs
        if is_canvas and not self.tasks:
            raise ValueError("tasks: a canvas network needs at least one")
        if not is_canvas and self.adversarial.weight == 0:
            raise ValueError("adversarial.weight is 0, and nothing else teaches such a network")
        if any(task.kind == "pairs" for task in self.tasks) and self.conditions is None:
            raise ValueError("conditions: a task is pairs; name the folder of their conditions")
        has_full_skip = is_canvas and self.network.full_skip
        for stage in self.stages:
            self._check_canvas(stage, is_canvas)
            if stage.full_skip < 1 and not has_full_skip:
                raise ValueError("stages: full_skip is for a canvas network with network.full_skip")
        return self

    def _check_canvas(self, stage: Stage, is_canvas: bool) -> None:
        resolution = self.network.resolution
        height, width = stage.canvas
        if not is_canvas and stage.canvas != (resolution, resolution):
            raise ValueError(f"stages: {self.network.family} learns at {resolution} x {resolution}")
        step = resolution // 16  # pixels of the picture to one of the deepest skip
        if is_canvas and (height % step or width % step):
            raise ValueError(f"stages: canvas {height} x {width} is no multiple of {step}")
