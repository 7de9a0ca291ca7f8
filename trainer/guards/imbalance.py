"""Rejects double compensation for class imbalance."""

from typing import Any

from ...configs.imbalance import corrected_twice
from ...core.errors import ConfigError
from ...models import Module
from ..contracts import BalancesClasses, HasSplits


def refuse_second_correction(module: Module, data: Any, class_weight: Any) -> None:
    """Checks that loss, training data and class weights don't compensate twice.

    Raises:
        ConfigError: The loss compensates for class imbalance, and so does the data or
            `class_weight`.
    """
    if not module.corrects_imbalance:
        return
    train = data.train if isinstance(data, HasSplits) else data
    balance = train.class_balance if isinstance(train, BalancesClasses) else "none"
    loss = {"loss": module.settings().get("loss", type(module).__name__)}
    if balance != "none":
        raise ConfigError(corrected_twice(**loss, class_balance=balance))
    if class_weight is not None:
        raise ConfigError(corrected_twice(**loss, class_weight=class_weight))
