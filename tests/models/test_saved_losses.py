"""The losses and metrics of a compiled model can be serialized."""

import keras
import numpy as np
import pytest
from keraunos.configs import ModelConfig
from keraunos.core.target_scale import TargetScale
from keraunos.models.losses import classification_loss
from keraunos.models.metric_names import create_metrics
from keraunos.models.task_losses import (
    multi_label_loss,
    multi_label_metrics,
    regression_loss,
)

random = np.random.default_rng(0)
CLASSES = np.array([0, 2, 1, 1])
SHARES = random.dirichlet(np.ones(3), 4).astype("float32")
LABELS = (SHARES > 0.3).astype("float32")


def read_back(saved):
    kept = keras.saving.serialize_keras_object(saved)
    return keras.saving.deserialize_keras_object(kept, safe_mode=True)


def of_classes(**options):
    return classification_loss(ModelConfig(**options), 3, [5, 2, 9]), CLASSES


LOSSES = {
    "crossentropy": of_classes(),
    "smoothed": of_classes(label_smoothing=0.2),
    "focal": of_classes(loss="focal", focal_gamma=1.5),
    "class_balanced": of_classes(loss="class_balanced", label_smoothing=0.1),
    "logit_adjusted": of_classes(loss="logit_adjusted", logit_adjusted_tau=0.7),
    "labels": (multi_label_loss(ModelConfig(label_smoothing=0.2)), LABELS),
    "numbers": (
        regression_loss(
            ModelConfig(loss="huber"), TargetScale((0.0,) * 3, (1.0, 2.0, 3.0))
        ),
        LABELS * 9,
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_round_trip_through_serialization(name):
    loss, targets = LOSSES[name]
    found = read_back(loss)
    assert found.name == loss.name
    np.testing.assert_array_equal(found(targets, SHARES), loss(targets, SHARES))


@pytest.mark.parametrize(
    ("metrics", "targets"),
    [
        (create_metrics(["accuracy", "balanced_accuracy", "macro_f1"], 3, None), CLASSES),
        (multi_label_metrics(["label_accuracy", "macro_f1"], 3), LABELS),
        (multi_label_metrics(["mean_average_precision"], 3), LABELS),
    ],
)
def test_metrics_round_trip_through_serialization(metrics, targets):
    for metric in metrics:
        found = read_back(metric)
        for each in (metric, found):
            each.update_state(targets, SHARES)
        assert found.name == metric.name
        np.testing.assert_array_equal(found.result(), metric.result())
