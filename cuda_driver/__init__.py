"""CUDA's driver library without torch, for processes that do not paint and must stay light."""
