"""The programs that the supervisor starts, one per file."""
