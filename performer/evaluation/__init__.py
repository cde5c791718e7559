"""How good a network is on pictures that it never learned from."""
