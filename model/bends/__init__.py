"""Operations on the feature maps of one layer, one bend per file."""

from model.bends.canvas_chain import canvas_chain

__all__ = ["canvas_chain"]
