"""The instrument on stage that plays a neural network with live pictures."""

from importlib.metadata import version

__version__ = version("performer")
