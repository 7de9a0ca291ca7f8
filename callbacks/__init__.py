"""What happens around a step: the contract, and a file for each callback.

Knows nothing of the trainer's insides.
"""

from .backbone_finetuning import BackboneFinetuning
from .background import Background
from .base import Callback
from .callback_list import CallbackList, merge_callbacks
from .early_stopping import EarlyStopping
from .event_log import EventLog
from .json_log import JsonLog
from .keras_callback import KerasCallback
from .learning_rate_finder import LearningRateFinder
from .metrics_log import MetricsLog
from .model_checkpoint import ModelCheckpoint
from .pictures import Pictures
from .progress_bar import ProgressBar
from .registry import create_callback, default_callbacks
from .run_state import RunState
from .tensorboard import TensorBoard

__all__ = [
    "BackboneFinetuning",
    "Background",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "EventLog",
    "JsonLog",
    "KerasCallback",
    "LearningRateFinder",
    "MetricsLog",
    "ModelCheckpoint",
    "Pictures",
    "ProgressBar",
    "RunState",
    "TensorBoard",
    "create_callback",
    "default_callbacks",
    "merge_callbacks",
]
