"""Weights of backbones, read from files without running anything that they name."""

from .load import load_weights, version_of_weights
from .torch_layout import TorchLayout

__all__ = ["TorchLayout", "load_weights", "version_of_weights"]
