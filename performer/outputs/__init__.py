"""Where frames go, one part per file; all of them run in the feed process."""
