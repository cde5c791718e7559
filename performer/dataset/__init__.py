"""Folders of photographs for training: looked through, cropped, packed."""
