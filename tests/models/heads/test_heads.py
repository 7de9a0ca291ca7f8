"""Heads as layers of Keras: what they compute, and that Keras alone can open them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keraunos import ConfigError, TransferClassifier
from keraunos.configs import ModelConfig
from keraunos.models.heads import TrainingFeatures, build_head
from keraunos.models.heads.nearest_neighbors import fit_neighbors
from keraunos.models.heads.ridge_regression import fit_ridge
from scipy import special

ROWS, WIDTH = 40, 6


def training_features() -> TrainingFeatures:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, ROWS)
    features = random.normal(size=(ROWS, WIDTH)) + 2
    features[np.arange(ROWS), labels] += 1
    return TrainingFeatures.of(features, labels, 3, random.uniform(0.5, 2, ROWS))


def model_of(kind: str, **options: Any) -> tuple[keras.Model, str]:
    """A model of the head alone, fitted if that kind is fitted."""
    config = ModelConfig(head=kind, **options)  # type: ignore[arg-type]
    head = build_head(config, num_classes=3, num_examples=ROWS)
    inputs = keras.Input((WIDTH,))
    model = keras.Model(inputs, head.attach(inputs))
    told = head.fit(model, training_features()) if head.is_fitted else ""
    return model, told


def others() -> Any:
    return np.random.default_rng(1).normal(size=(9, WIDTH)).astype(np.float32) + 2


@pytest.mark.feature("heads")
@pytest.mark.parametrize("kind", ["linear", "cosine", "ridge", "knn"])
def test_saved_head_opens_in_safe_mode_with_the_same_outputs(
    kind: str, tmp_path: Path
) -> None:
    model, _ = model_of(kind)
    model.save(tmp_path / "head.keras")
    opened = keras.saving.load_model(tmp_path / "head.keras", safe_mode=True)
    said = np.array(model(others()))
    np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(said, opened(others()))
    modules = {type(each).__module__.split(".")[0] for each in opened.operations}
    assert modules == {"keras"}


def test_ridge_head_equals_the_closed_form_and_is_not_trainable() -> None:
    model, told = model_of("ridge")
    ridge = fit_ridge(training_features())
    wanted = special.softmax(others() @ ridge.kernel + ridge.bias, axis=1)
    np.testing.assert_allclose(model(others()), wanted, rtol=1e-4)
    assert not model.trainable_variables
    assert (
        told == f"ridge: L2 {ridge.l2:g}, log loss {ridge.log_loss:.4f} of left-out images"
    )


@pytest.mark.parametrize("temperature", [None, 0.03])
def test_knn_head_equals_the_votes_of_stored_images(temperature: float | None) -> None:
    model, told = model_of("knn", neighbors=5, temperature=temperature)
    found = fit_neighbors(training_features(), 5, temperature)
    np.testing.assert_allclose(model(others()), found.probabilities(others()), atol=1e-5)
    assert not model.trainable_variables
    assert f"temperature {found.temperature:g}," in told


@pytest.mark.parametrize("temperature", [None, 0.05])
def test_cosine_head_depends_only_on_directions(temperature: float | None) -> None:
    model, _ = model_of("cosine", temperature=temperature)
    np.testing.assert_allclose(model(others()), model(others() * 7), rtol=1e-5)
    kernel = model.get_layer("cosines").kernel
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1, rtol=1e-5)
    unit = others() / np.linalg.norm(others(), axis=1, keepdims=True)
    scale = 10 if temperature is None else 20
    wanted = special.softmax(scale * unit @ np.array(kernel), axis=1)
    np.testing.assert_allclose(model(others()), wanted, rtol=1e-4)
    assert len(model.trainable_variables) == (2 if temperature is None else 1)


def test_cosine_head_keeps_unit_class_vectors_in_training() -> None:
    keras.utils.set_random_seed(0)
    model, _ = model_of("cosine")
    data = training_features()
    model.compile(keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
    before = model.evaluate(data.features, data.labels, verbose=0)
    model.fit(data.features, data.labels, epochs=3, verbose=0)
    assert model.evaluate(data.features, data.labels, verbose=0) < before
    norms = np.linalg.norm(model.get_layer("cosines").kernel, axis=0)
    np.testing.assert_allclose(norms, 1, rtol=1e-5)


def test_knn_head_is_rejected_if_it_cannot_store_the_images() -> None:
    config = ModelConfig(head="knn")
    with pytest.raises(ConfigError, match=r"needs their number.*num_examples=None"):
        TransferClassifier(3, head="knn")
    with pytest.raises(ConfigError, match="neighbors=20, num_examples=20"):
        build_head(config, 3, 20)
    head = build_head(config, 3, 100_000)
    with pytest.raises(ConfigError, match=r"at most 100,000,000 numbers.*features=2048"):
        head.attach(keras.Input((2048,)))
    head = build_head(config, 3, ROWS + 1)
    inputs = keras.Input((WIDTH,))
    model = keras.Model(inputs, head.attach(inputs))
    with pytest.raises(ConfigError, match=f"num_examples={ROWS + 1}, images={ROWS}"):
        head.fit(model, training_features())


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"l2": 0.1}, "head=linear has no option l2"),
        ({"head": "ridge", "neighbors": 3}, "head=ridge has no option neighbors"),
        ({"head": "cosine", "l2": 1.0}, "head=cosine has no option l2"),
        ({"head": "knn", "loss": "focal"}, "head=knn minimizes no loss"),
        ({"head": "knn", "neighbors": 0}, "neighbors"),
        ({"head": "svm"}, "linear"),
    ],
)
def test_options_of_other_heads_are_rejected(options: Any, wanted: str) -> None:
    with pytest.raises(ConfigError, match=wanted):
        TransferClassifier(3, **options)
