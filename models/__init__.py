"""Models: modules, the transfer classifier, its backbones and metrics.

Independent of the trainer.
"""

from .losses import Crossentropy
from .metrics import Accuracy, BalancedAccuracy, ClassRecall, MacroF1, MacroRocAuc
from .module import FrozenPart, FunctionModule, Module, as_module
from .optimizer import Optimizer
from .shared import SharedNetworks
from .transfer import TransferClassifier
from .transfer_model import TransferModel
from .transfer_tasks import MultiLabelTransferClassifier, TransferRegressor

__all__ = [
    "Accuracy",
    "BalancedAccuracy",
    "ClassRecall",
    "Crossentropy",
    "FrozenPart",
    "FunctionModule",
    "MacroF1",
    "MacroRocAuc",
    "Module",
    "MultiLabelTransferClassifier",
    "Optimizer",
    "SharedNetworks",
    "TransferClassifier",
    "TransferModel",
    "TransferRegressor",
    "as_module",
]
