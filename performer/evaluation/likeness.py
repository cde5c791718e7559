"""How near pictures come to the truth: one by one, and as sets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from model import features
from model.metrics import inception
from model.metrics.frechet import frechet_distance
from model.metrics.kernel_distance import kernel_distance
from model.metrics.perceptual import perceptual_distance
from model.metrics.psnr import psnr
from model.metrics.sharpness import sharpness
from model.metrics.ssim import ssim
from performer.evaluation.figures import Figure
from performer.progress import progress

Sets = Mapping[str, Sequence[Tensor]]
"""Pictures [1, 3, H, W] by who made them, in the order of the truth."""

CELLS = 4  # a picture gives 4 x 4 vectors to the Fréchet distance


def one_by_one(sets: Sets, truth: Sequence[Tensor]) -> list[Figure]:
    """PSNR, SSIM, perceptual distance and sharpness, as means over all pictures."""
    distance = perceptual_distance("vgg16")
    sums: dict[str, Tensor] = dict.fromkeys(sets, torch.zeros(4, dtype=torch.float64))
    for place in progress(range(len(truth)), "likeness"):
        wanted = truth[place]
        seen = distance.features(wanted)
        for name, pictures in sets.items():
            picture = pictures[place]
            perceived = distance.between(distance.features(picture), seen)
            relative = sharpness(picture) / sharpness(wanted).clamp_min(1e-9)
            measured = [psnr(picture, wanted), ssim(picture, wanted), perceived, relative]
            sums[name] = sums[name] + torch.cat([value.double() for value in measured])
    means = {name: (total / len(truth)).tolist() for name, total in sums.items()}
    kinds = [
        ("PSNR, dB", "higher", 2),
        ("SSIM", "higher", 3),
        ("perceptual distance (VGG-16)", "lower", 4),
        ("sharpness against the truth", "1", 3),
    ]
    return [
        Figure(name, better, {who: values[place] for who, values in means.items()}, digits)
        for place, (name, better, digits) in enumerate(kinds)
    ]


def as_sets(sets: Sets, truth: Sequence[Tensor]) -> list[Figure]:
    """The Fréchet distance on SqueezeNet, which is no FID."""
    seen = features.load("squeezenet11", ("fire9",))

    def vectors(pictures: Sequence[Tensor]) -> Tensor:
        cells = [
            torch.nn.functional.adaptive_avg_pool2d(seen(picture)["fire9"], CELLS)
            for picture in pictures
        ]
        return torch.cat([cell[0].flatten(1).t() for cell in cells])

    wanted = vectors(truth)
    values = {who: frechet_distance(vectors(pictures), wanted) for who, pictures in sets.items()}
    return [Figure("Fréchet distance on SqueezeNet", "lower", values, 0)]


def with_inception(path: Path, sets: Sets, truth: Sequence[Tensor]) -> list[Figure]:
    """FID and KID. Errors: model.LoadError."""
    network = inception.load(path)

    def vectors(pictures: Sequence[Tensor]) -> Tensor:
        return torch.cat([network(picture) for picture in progress(pictures, "Inception")])

    wanted = vectors(truth)
    seen = {who: vectors(pictures) for who, pictures in sets.items()}
    fid = {who: frechet_distance(found, wanted) for who, found in seen.items()}
    kid = {who: kernel_distance(found, wanted) for who, found in seen.items()}
    return [Figure("FID", "lower", fid, 2), Figure("KID", "lower", kid, 4)]
