from types import SimpleNamespace
from typing import Any

import pytest
from keraunos.cli.build import build_module
from keraunos.configs import RunConfig
from keraunos.configs.space import with_values
from keraunos.models import TransferClassifier

COUNTS = [40, 3, 9]


@pytest.mark.parametrize("loss", ["class_balanced", "logit_adjusted", "focal"])
def test_searched_losses_get_the_class_counts_of_the_training_split(loss: str) -> None:
    split = SimpleNamespace(
        class_counts=COUNTS, num_examples=52, num_views=None, table_features=None
    )
    data: Any = SimpleNamespace(
        num_classes=3, image_size=32, class_names=list("abc"), train=split
    )
    module = build_module(with_values(RunConfig(), {"model.loss": loss}), data)
    assert isinstance(module, TransferClassifier)
    assert module.config.loss == loss
    assert module.class_counts == (None if loss == "focal" else COUNTS)
