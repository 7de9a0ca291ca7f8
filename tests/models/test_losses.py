import keras
import numpy as np
import pytest
import tensorflow as tf
from keraunos.configs import ModelConfig
from keraunos.core.errors import ConfigError
from keraunos.models import TransferClassifier
from keraunos.models.losses import (
    Crossentropy,
    classification_loss,
    effective_number_weights,
    log_probabilities,
)
from small_backbone import tiny_network

LABELS = np.array([0, 2, 1, 1])
PROBABILITIES = np.array(
    [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.2, 0.5, 0.3], [0.9, 0.05, 0.05]], "float32"
)
COUNTS = [500, 40, 7]
SETTINGS = [
    {"loss": "crossentropy"},
    {"loss": "focal"},
    {"loss": "focal", "focal_gamma": 1.5, "focal_alpha": 0.5},
    {"loss": "class_balanced", "class_balanced_beta": 0.99},
    {"loss": "class_balanced", "class_balanced_beta": 0.0},
    {"loss": "logit_adjusted"},
    {"loss": "logit_adjusted", "logit_adjusted_tau": 0.5},
]


def of_one(p: np.ndarray, label: int, smoothing: float, config: ModelConfig) -> float:
    """The loss of one example as its paper defines it: no tensors, no shortcuts."""
    targets = np.full(3, smoothing / 3)
    targets[label] += 1 - smoothing
    if config.loss == "focal":
        weight = config.focal_alpha * (1 - p) ** config.focal_gamma
        return float(sum(targets * weight * -np.log(p)))
    if config.loss == "logit_adjusted":
        share = np.array(COUNTS) / sum(COUNTS)
        scores = p * share**config.logit_adjusted_tau
        return float(sum(targets * -np.log(scores / scores.sum())))
    weight = 1.0
    if config.loss == "class_balanced":
        beta = config.class_balanced_beta
        each = np.array([(1 - beta) / (1 - beta**n) for n in COUNTS])
        weight = each[label] * 3 / each.sum()
    return float(weight * sum(targets * -np.log(p)))


def expected_values(smoothing: float, config: ModelConfig) -> list[float]:
    probabilities = PROBABILITIES.astype(np.float64)
    return [
        of_one(p, n, smoothing, config) for p, n in zip(probabilities, LABELS, strict=True)
    ]


@pytest.mark.feature("focal loss")
@pytest.mark.feature("losses for long tails")
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda each: "-".join(map(str, each)))
def test_losses_equal_their_papers_for_all_forms_of_targets(settings, smoothing):
    config = ModelConfig(**settings, label_smoothing=smoothing)
    loss = classification_loss(config, 3, COUNTS)
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
        loss = type("Named", (), {"call": staticmethod(loss)})
        forms = [LABELS, LABELS[:, None]]
    else:
        forms = [LABELS, LABELS[:, None], np.eye(3)[LABELS]]
    predictions = keras.ops.convert_to_tensor(PROBABILITIES)
    expected = expected_values(smoothing, config)
    for targets in forms:
        np.testing.assert_allclose(loss.call(targets, predictions), expected, rtol=1e-5)


@pytest.mark.parametrize("settings", SETTINGS[1:], ids=str)
def test_the_loss_of_a_mixed_image_is_the_mixture_of_losses(settings):
    config = ModelConfig(**settings, label_smoothing=0.1)
    loss = classification_loss(config, 3, COUNTS)
    predictions = keras.ops.convert_to_tensor(PROBABILITIES)
    first, second = np.eye(3)[LABELS], np.eye(3)[LABELS[::-1]]
    mixed = loss.call(0.3 * first + 0.7 * second, predictions)
    parts = 0.3 * loss.call(first, predictions) + 0.7 * loss.call(second, predictions)
    np.testing.assert_allclose(mixed, parts, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_vanishing_probability_has_a_finite_loss_and_gradient(dtype):
    config = ModelConfig(loss="logit_adjusted")
    loss = classification_loss(config, 3, COUNTS)
    logits = tf.constant([[200.0, 0.0, -200.0]], dtype)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss.call(np.array([2]), keras.activations.softmax(logits))
    share = np.log(COUNTS[2] / COUNTS[0])
    np.testing.assert_allclose(value, [400 - share], rtol=1e-3)
    np.testing.assert_allclose(tape.gradient(value, logits), [[1, 0, -1]], atol=1e-3)


def test_log_probabilities_work_without_logits():
    values = log_probabilities(keras.ops.convert_to_tensor([[1.0, 0.5, 0.0]]))
    assert np.isfinite(values).all()
    np.testing.assert_allclose(values[0, :2], [0.0, np.log(0.5)])


def test_effective_numbers_stay_precise_for_beta_near_one():
    weights = effective_number_weights([1, 10, 1000], beta=1 - 1e-14)
    np.testing.assert_allclose(weights / weights[2], [1000, 100, 1], rtol=1e-9)


@pytest.mark.parametrize("counts", [None, [3, 4], [3, 0, 4], [1.5, 2.0, 3.0]])
def test_count_based_loss_requires_a_count_per_class(counts):
    with pytest.raises(ConfigError, match=r"class_counts=data\.train\.class_counts"):
        TransferClassifier(3, loss="logit_adjusted", class_counts=counts)


def test_class_counts_are_settings_only_of_losses_that_use_them():
    counted = TransferClassifier(3, loss="class_balanced", class_counts=COUNTS)
    assert counted.settings()["class_counts"] == COUNTS
    plain = TransferClassifier(3, class_counts=COUNTS).settings()
    assert not {"class_counts", "focal_gamma"} & plain.keys()
    changed = TransferClassifier(3, loss="focal", focal_gamma=1.0).settings()
    assert changed["focal_gamma"] == 1.0


def test_logit_adjustment_does_not_change_model_outputs(monkeypatch):
    monkeypatch.setattr(keras.applications, "MobileNetV2", tiny_network)
    options = {"image_size": 32, "backbone": "MobileNetV2", "weights": None}
    plain = TransferClassifier(3, **options).build()
    adjusted = TransferClassifier(
        3, loss="logit_adjusted", class_counts=COUNTS, **options
    ).build()
    adjusted.set_weights(plain.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    outputs = plain(images)
    np.testing.assert_allclose(adjusted(images), outputs, rtol=1e-6)
    np.testing.assert_allclose(np.sum(outputs, axis=-1), 1.0, rtol=1e-5)
    losses = adjusted.loss(LABELS, outputs), keras.losses.get(plain.loss)(LABELS, outputs)
    assert not np.allclose(losses[0], np.mean(losses[1]), rtol=1e-2)


@pytest.mark.slow
def test_classifier_is_compiled_with_the_configured_loss():
    def loss(**options):
        module = TransferClassifier(
            3, image_size=32, backbone="MobileNetV2", weights=None, **options
        )
        return module.build().loss

    assert loss().name == "sparse_categorical_crossentropy"
    assert loss(loss="focal").name == "categorical_focal_crossentropy"
    assert loss(label_smoothing=0.1).name == "categorical_crossentropy"
    with pytest.raises(ConfigError, match="mean focal"):
        loss(loss="fokal")


def test_crossentropy_equals_keras_for_class_indices_and_probabilities():
    outputs = keras.ops.convert_to_tensor(PROBABILITIES)
    one_hot = np.eye(3, dtype="float32")[LABELS]
    mixed = 0.25 * one_hot + 0.75 * one_hot[::-1]
    for from_logits in (False, True):
        loss = Crossentropy(from_logits)
        numbers = keras.losses.SparseCategoricalCrossentropy(from_logits)(LABELS, outputs)
        assert float(loss(LABELS, outputs)) == float(numbers)
        soft = keras.losses.CategoricalCrossentropy(from_logits)(mixed, outputs)
        assert float(loss(mixed, outputs)) == float(soft)
        np.testing.assert_allclose(loss(one_hot, outputs), numbers, rtol=1e-5)
    assert Crossentropy.from_config(Crossentropy(True).get_config()).get_config() == {
        "from_logits": True,
        "name": "sparse_categorical_crossentropy",
    }
