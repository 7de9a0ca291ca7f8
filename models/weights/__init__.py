"""Weights of backbones, read from files without running anything that they name."""

from .load import load_weights

__all__ = ["load_weights"]
