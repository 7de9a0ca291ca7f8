"""The loop: Trainer, the traced step, checkpoints.

Knows nothing of single callbacks, data sets and models.
"""

from .loop.interruption import Interrupted
from .result import FitResult, TestResult
from .trainer import Trainer

__all__ = ["FitResult", "Interrupted", "TestResult", "Trainer"]
