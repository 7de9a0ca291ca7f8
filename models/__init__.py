"""What is trained: modules, the transfer classifier, its backbones and metrics.

Knows nothing of the trainer.
"""

from .metrics import BalancedAccuracy
from .module import FunctionModule, Module, as_module
from .optimizer import Optimizer
from .transfer import TransferClassifier

__all__ = [
    "BalancedAccuracy",
    "FunctionModule",
    "Module",
    "Optimizer",
    "TransferClassifier",
    "as_module",
]
