"""Loads weights of backbones from files, without running code that files contain."""

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
