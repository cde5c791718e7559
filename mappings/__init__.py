"""Profiles of known controllers."""
