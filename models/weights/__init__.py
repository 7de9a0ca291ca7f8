"""Weights of backbones, read from files without running anything that they name."""

from .load import load_weights, version_of_weights
from .origins import runs_behind
from .stored_array import UnreadableWeightsError
from .torch_layout import TorchLayout

__all__ = [
    "TorchLayout",
    "UnreadableWeightsError",
    "load_weights",
    "runs_behind",
    "version_of_weights",
]
