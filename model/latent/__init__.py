"""The latent space: where a frame is in it, and how it travels. One kind of latent per file."""

from model.latent.rows import mix_rows, row_shares
from model.latent.vectors import SeedPath, seed_vector, slerp, there_and_back

__all__ = ["SeedPath", "mix_rows", "row_shares", "seed_vector", "slerp", "there_and_back"]
