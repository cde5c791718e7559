"""The network that a recipe trains: fresh, or with the layers of another taken over."""

from fnmatch import fnmatchcase
from typing import NamedTuple

import torch
from torch import Tensor

from model import checkpoint, networks, schedule
from model.config import Config
from model.encoder import BatchNorm
from model.errors import LoadError
from model.network import Network
from model.schedule_stylegan2 import stylegan2
from model.training.draws import For, draw
from model.training.errors import TrainingError
from model.training.recipe import NetworkRecipe, Recipe


class Start(NamedTuple):
    """A generator at the start of a run.

    Attributes:
        line: what was taken over, in words; empty where nothing was.
        is_whole: whether everything was.
    """

    network: Network
    line: str
    is_whole: bool


def start(recipe: Recipe) -> Start:
    """The generator at the start of a run.

    Raises:
        TrainingError: the recipe describes no network, or its file cannot be taken over.
    """
    network, line, is_whole = _new(recipe), "", False
    if recipe.network.start_from is not None:
        line, is_whole = _take_over(network, recipe.network)
    network.train().requires_grad_(True)
    _freeze(network, recipe.network.frozen)
    for module in network.modules():
        if isinstance(module, BatchNorm):
            module.momentum = recipe.batch_norm_momentum
    return Start(network, line, is_whole)


def _new(recipe: Recipe) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(int(draw(recipe.seed, For.WEIGHTS, 0).integers(1 << 62)))
        try:
            return networks.from_config(configuration(recipe.network))
        except (LoadError, ValueError) as error:
            raise TrainingError(f"network: {error}") from None


def configuration(recipe: NetworkRecipe) -> Config:
    """What the network of a recipe is made of. Errors: ValueError."""
    budget = (recipe.resolution, recipe.channel_base, recipe.channel_max)
    match recipe.family:
        case "canvas":
            return schedule.canvas(
                *budget,
                condition_size=recipe.condition_size,
                variant=recipe.variant,
                latent_size=recipe.latent_size,
                encoder_ws=recipe.encoder_ws,
                full_skip=recipe.full_skip,
                equaliser_bands=recipe.equaliser_bands,
            )
        case "stylegan3":
            return schedule.stylegan3(
                *budget, variant=recipe.variant, latent_size=recipe.latent_size
            )
        case "stylegan2":
            return stylegan2(*budget, latent_size=recipe.latent_size)


def _take_over(network: Network, recipe: NetworkRecipe) -> tuple[str, bool]:
    """Copy every tensor of the file that has a place of its shape; a line, and whether all have."""
    assert recipe.start_from is not None
    try:
        source = checkpoint.load(recipe.start_from).state_dict()
    except LoadError as error:
        raise TrainingError(str(error)) from None
    wanted = network.state_dict()
    taken = {name: source[key] for name in wanted if (key := _match(name, wanted[name], source))}
    if not taken:
        raise TrainingError(f"{recipe.start_from}: none of its layers fits this network; {_MEND}")
    network.load_state_dict(taken, strict=False)
    line = f"{recipe.start_from}: {len(taken)} of {len(wanted)} tensors taken over"
    return line, len(taken) == len(wanted)


_MEND = "use the resolution and channels that it has"


def _match(name: str, tensor: Tensor, source: dict[str, Tensor]) -> str | None:
    """The name in ``source`` of what fits ``name``: the same, or the same layer of another width.

    Layers are named after their number, size and channels, of which the number says which it is.
    """
    candidates = [name, *(key for key in source if _generic(key) == _generic(name))]
    return next((k for k in candidates if k in source and source[k].shape == tensor.shape), None)


def _generic(name: str) -> str:
    parts = name.split(".")
    return ".".join(part.split("_")[0] if part.startswith(("L", "AL")) else part for part in parts)


def _freeze(network: Network, patterns: tuple[str, ...]) -> None:
    names = dict(network.named_parameters())
    for pattern in patterns:
        found = [name for name in names if fnmatchcase(name, pattern)]
        if not found:
            parts = ", ".join(sorted({name.rsplit(".", 1)[0] for name in names}))
            raise TrainingError(f"network.frozen: nothing is called {pattern}; there are {parts}")
        for name in found:
            names[name].requires_grad_(False)
    if not any(each.requires_grad for each in names.values()):
        raise TrainingError("network.frozen: nothing is left that learns; freeze less")
