"""Where pictures come from, one part per file."""
