"""How good pictures are: one measure per file, each with its source."""
