"""What the encoder sees of the source, one part per file."""
