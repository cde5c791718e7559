"""The page: its server and its files."""
