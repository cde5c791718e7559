"""The stations of the frame, each a small callable made once from the scene."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from performer.parameters import Parameters
from performer.stations.condition import Conditioning
from performer.stations.footage import Footage, NoFootage
from performer.stations.generator import Bending, Generator, Measures, Seen
from performer.stations.latent import Latent
from performer.stations.post import Posting

if TYPE_CHECKING:
    from performer.painting import Painting

__all__ = [
    "Bending",
    "Conditioning",
    "Footage",
    "Generator",
    "Latent",
    "Measures",
    "NoFootage",
    "Posting",
    "Seen",
    "Stations",
]


@dataclass(frozen=True, slots=True)
class Stations:
    """All that a scene gives the frame, to be put in place at once."""

    parameters: Parameters
    latent: Latent
    source: Footage
    condition: Conditioning
    generator: Generator
    post: Posting
    paint: "Painting"
