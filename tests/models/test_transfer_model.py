"""The common parts of classifiers and regressors on a frozen backbone."""

import pytest
from keraunos.core.errors import ConfigError
from keraunos.core.target_scale import TargetScale
from keraunos.models import (
    MultiLabelTransferClassifier,
    TransferClassifier,
    TransferModel,
    TransferRegressor,
)

MODULES = (
    TransferClassifier(3, weights=None),
    MultiLabelTransferClassifier(3, weights=None),
    TransferRegressor(TargetScale((0.0,) * 3, (1.0,) * 3), weights=None),
)


def test_only_the_classifier_is_a_transfer_classifier():
    assert all(isinstance(module, TransferModel) for module in MODULES)
    assert [isinstance(module, TransferClassifier) for module in MODULES] == [1, 0, 0]


def test_all_tasks_save_the_number_of_outputs_under_the_same_name():
    for module in MODULES:
        assert module.num_outputs == module.settings()["num_classes"] == 3


def test_classifier_rejects_losses_of_other_tasks():
    with pytest.raises(
        ConfigError, match=r"`model.loss` must be chosen from .*loss='huber'"
    ):
        TransferClassifier(3, loss="huber")
