"""Heads and losses of tasks other than classification."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keraunos import (
    ConfigError,
    MultiLabelTransferClassifier,
    Optimizer,
    TransferRegressor,
)
from keraunos.configs import ModelConfig
from keraunos.core.target_scale import TargetScale
from keraunos.models.task_losses import (
    multi_label_loss,
    multi_label_metrics,
    regression_loss,
    regression_metrics,
)
from keraunos.trainer.export import export_model
from sklearn import metrics

SMALL = {"image_size": 32, "weights": None, "backbone": "MobileNetV2"}
SCALE = TargetScale((50.0, 0.3), (12.0, 0.1))
PIXELS = np.random.default_rng(0).uniform(0, 255, (5, 32, 32, 3)).astype("float32")


def random_numbers(rows: int = 23) -> tuple[np.ndarray, np.ndarray]:
    """`(rows, 2)` targets of SCALE, and predictions of them."""
    random = np.random.default_rng(1)
    targets = random.normal(SCALE.means, SCALE.deviations, (rows, 2))
    return targets, targets + random.normal(0, SCALE.deviations, (rows, 2))


@pytest.mark.parametrize(
    ("name", "of_error"),
    [
        ("mean_squared_error", np.square),
        ("mean_absolute_error", np.abs),
        ("huber", lambda e: np.where(abs(e) <= 1, e**2 / 2, abs(e) - 0.5)),
    ],
)
def test_regression_targets_of_different_scale_count_equally(name, of_error):
    loss = regression_loss(ModelConfig(loss=name), SCALE)
    targets, predictions = random_numbers()
    errors = (predictions - targets) / np.array(SCALE.deviations)
    found = loss.call(tf.constant(targets), tf.constant(predictions))
    np.testing.assert_allclose(found, of_error(errors).mean(axis=1), rtol=1e-6)


def test_predicting_the_mean_has_a_squared_loss_of_one():
    targets = random_numbers()[0]
    scale = TargetScale.of(targets)
    loss = regression_loss(ModelConfig(loss="mean_squared_error"), scale)
    means = np.broadcast_to(scale.means, targets.shape)
    assert np.mean(loss.call(tf.constant(targets), tf.constant(means))) == pytest.approx(1)


def test_multi_label_loss_is_the_mean_binary_crossentropy():
    random = np.random.default_rng(2)
    targets = (random.random((9, 3)) < 0.4).astype("float32")
    outputs = random.uniform(0.1, 0.9, (9, 3)).astype("float32")
    smoothed = targets * 0.8 + 0.1
    logs = smoothed * np.log(outputs) + (1 - smoothed) * np.log(1 - outputs)
    loss = multi_label_loss(ModelConfig(label_smoothing=0.2))
    np.testing.assert_allclose(loss.call(targets, outputs), -logs.mean(1), rtol=1e-5)


def test_metrics_equal_scikit_learn():
    random = np.random.default_rng(3)
    targets = (random.random((60, 3)) < 0.4).astype("float32")
    outputs = (0.3 * targets + random.random((60, 3)) * 0.7).astype("float32")
    names = ["label_accuracy", "macro_f1", "mean_average_precision"]
    found = {}
    for metric in multi_label_metrics(names, 3):
        metric.update_state(targets, outputs)
        found[metric.name] = float(metric.result())
    given = outputs >= 0.5
    assert found["label_accuracy"] == pytest.approx((given == targets).mean())
    assert found["macro_f1"] == pytest.approx(
        metrics.f1_score(targets, given, average="macro")
    )
    assert found["mean_average_precision"] == pytest.approx(
        metrics.average_precision_score(targets, outputs, average="macro"), abs=0.02
    )
    values, predictions = random_numbers()
    for metric in regression_metrics(["mean_absolute_error", "r2"]):
        metric.update_state(values, predictions)
        found[metric.name] = float(metric.result())
    assert found["r2"] == pytest.approx(metrics.r2_score(values, predictions), abs=1e-5)


def test_metrics_count_labels_above_one_half_of_a_mixed_image():
    random = np.random.default_rng(4)
    targets = random.random((40, 3)).astype("float32")
    outputs = random.random((40, 3)).astype("float32")
    for name in ("label_accuracy", "macro_f1", "mean_average_precision"):
        mixed, whole = multi_label_metrics([name, name], 3)
        mixed.update_state(targets, outputs)
        whole.update_state(targets > 0.5, outputs)
        assert float(mixed.result()) == float(whole.result()) > 0.3, name


@pytest.mark.slow
def test_regressor_starts_near_the_mean_and_loads_in_safe_mode(tiny_mobilenet, tmp_path):
    module = TransferRegressor(SCALE, optimizer=Optimizer("sgd"), **SMALL)
    model = module.build()
    found = model.predict(PIXELS, verbose=0)
    assert np.abs((found - SCALE.means) / np.array(SCALE.deviations)).max() < 10
    assert module.settings()["scale"] == {"means": [50.0, 0.3], "deviations": [12.0, 0.1]}
    export_model(model, tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(loaded.predict(PIXELS, verbose=0), found, rtol=1e-5)
    assert "Dense 2 (numbers)" in module.describe(model)


@pytest.mark.slow
def test_label_probabilities_are_independent(tiny_mobilenet):
    model = MultiLabelTransferClassifier(4, **SMALL).build()
    head = model.get_layer("probabilities")
    head.kernel.assign(np.zeros(head.kernel.shape))
    head.bias.assign([-9.0, 0.0, 9.0, 9.0])
    found = model.predict(PIXELS, verbose=0)
    np.testing.assert_allclose(found, np.tile([0, 0.5, 1, 1], (5, 1)), atol=1e-3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: TransferRegressor(SCALE, loss="focal"),
            "`model.loss` must be chosen from mean_sq",
        ),
        (lambda: TransferRegressor(SCALE, metrics=["accuracy"]), "`model.metrics` must be"),
        (
            lambda: MultiLabelTransferClassifier(3, head="ridge"),
            "`model.head` must be chosen from linear",
        ),
        (
            lambda: MultiLabelTransferClassifier(3, loss="huber"),
            "`model.loss` must be chosen from crossentropy, focal",
        ),
    ],
)
def test_options_of_other_tasks_are_rejected(make, words):
    with pytest.raises(ConfigError, match=words):
        make()
