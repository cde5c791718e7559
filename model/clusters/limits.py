"""How many groups there may be of one layer."""

LEAST_K, MOST_K = 2, 16
