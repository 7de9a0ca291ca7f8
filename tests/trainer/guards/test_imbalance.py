from types import SimpleNamespace

import pytest
from keraunos.core.errors import ConfigError
from keraunos.models import TransferClassifier
from keraunos.trainer.guards.imbalance import refuse_second_correction

COUNTS = [5, 2, 1]
WEIGHTS = {0: 1.0, 1: 2.5}


def data(class_balance: str) -> SimpleNamespace:
    train = SimpleNamespace(class_balance=class_balance)
    return SimpleNamespace(train=train, validation=None)


@pytest.mark.parametrize(
    ("balance", "weights", "received"),
    [
        ("weights", None, "loss='logit_adjusted', class_balance='weights'"),
        ("sampling", None, "loss='logit_adjusted', class_balance='sampling'"),
        ("none", WEIGHTS, "loss='logit_adjusted', class_weight={0: 1.0, 1: 2.5}"),
    ],
)
def test_second_class_imbalance_correction_is_refused(balance, weights, received):
    module = TransferClassifier(3, loss="logit_adjusted", class_counts=COUNTS)
    with pytest.raises(ConfigError, match="compensated only once") as caught:
        refuse_second_correction(module, data(balance), weights)
    assert received in str(caught.value)


def test_count_based_loss_without_class_balance_and_plain_loss_are_accepted():
    counted = TransferClassifier(3, loss="class_balanced", class_counts=COUNTS)
    refuse_second_correction(counted, data("none"), None)
    refuse_second_correction(counted, [1, 2], None)
    refuse_second_correction(TransferClassifier(3), data("sampling"), WEIGHTS)
