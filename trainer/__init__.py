"""The training engine: Trainer, the traced step, checkpoints.

Independent of particular callbacks, data sets and models.
"""

from .loop.interruption import Interrupted
from .result import FitResult, TestResult
from .trainer import Trainer

__all__ = ["FitResult", "Interrupted", "TestResult", "Trainer"]
