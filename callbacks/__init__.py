"""Callbacks: the base class, and one module per callback.

Does not import the internals of the trainer.
"""

from .alerts import Alerts
from .backbone_finetuning import BackboneFinetuning
from .background import Background
from .base import Callback
from .callback_list import CallbackList, merge_callbacks
from .early_stopping import EarlyStopping
from .event_log import EventLog
from .figures import Figures
from .health import Health
from .heartbeat import Heartbeat
from .json_log import JsonLog
from .keras_callback import KerasCallback
from .learning_rate_finder import LearningRateFinder
from .metrics_log import MetricsLog
from .model_checkpoint import ModelCheckpoint
from .plateau_watch import PlateauWatch
from .progress_bar import ProgressBar
from .prometheus import Prometheus
from .registry import create_callback, default_callbacks
from .run_state import RunState
from .stall_watch import StallWatch
from .tensorboard import TensorBoard
from .worker_watch import WorkerWatch

__all__ = [
    "Alerts",
    "BackboneFinetuning",
    "Background",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "EventLog",
    "Figures",
    "Health",
    "Heartbeat",
    "JsonLog",
    "KerasCallback",
    "LearningRateFinder",
    "MetricsLog",
    "ModelCheckpoint",
    "PlateauWatch",
    "ProgressBar",
    "Prometheus",
    "RunState",
    "StallWatch",
    "TensorBoard",
    "WorkerWatch",
    "create_callback",
    "default_callbacks",
    "merge_callbacks",
]
