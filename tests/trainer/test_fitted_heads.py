"""Heads that are fitted, not trained: one epoch without gradient steps."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas, weights_of
from keraunos import Augmentation, ConfigError, ImageData, Trainer, TransferClassifier
from keraunos.callbacks import BackboneFinetuning, LearningRateFinder, RunState
from keraunos.data.order import balanced_weights

SIZE = 32
pytestmark = pytest.mark.usefixtures("tiny_mobilenet")


def data_of(folder: Path, cache: Path, views: Any = "fresh", **options: Any) -> ImageData:
    return ImageData.from_folder(
        folder / "train",
        image_size=SIZE,
        batch_size=7,
        augmentation=Augmentation(strength=0.5, views=views),
        cache_dir=cache,
        **options,
    )


def module(data: ImageData, head: str) -> TransferClassifier:
    options: dict[str, Any] = {"neighbors": 3} if head == "knn" else {}
    return TransferClassifier(
        3,
        image_size=SIZE,
        backbone="MobileNetV2",
        weights=None,
        standardize_features=True,
        head=head,
        num_examples=data.train.num_examples * (data.train.num_views or 1),
        **options,
    )


def fit(data: ImageData, head: str, count: int = 1, **options: Any) -> Any:
    options = {"callbacks": [], "max_epochs": 5, **options}
    weights = options.pop("class_weight", None)
    trainer = Trainer(strategy=replicas(count), **options)
    return trainer.fit(module(data, head), data, class_weight=weights)


def _never(self: Any, model: Any, examples: Any) -> None:
    raise AssertionError("a finished run was fitted again")


def head_outputs(model: keras.Model) -> np.ndarray:
    """Outputs of the head for features that it has not seen."""
    features = np.linspace(0.01, 3, 40).reshape(5, 8).astype("float32")
    head = keras.Model(model.get_layer("features").output, model.output)
    return np.array(head(features))


@pytest.mark.nightly
@pytest.mark.parametrize("head", ["ridge", "knn"])
def test_fitted_head_is_the_same_with_and_without_cache_and_replicas(
    head: str, image_folder: Path, tmp_path: Path
) -> None:
    data = data_of(image_folder, tmp_path, views=2, class_balance="weights")
    cached = fit(data, head, feature_cache="on")
    assert len(cached.history["val_loss"]) == 1
    assert cached.stop_reason == "the head is fitted"
    for other in (fit(data, head, feature_cache="off"), fit(data, head, count=2)):
        np.testing.assert_allclose(
            head_outputs(other.model), head_outputs(cached.model), atol=1e-5
        )
        for name in ("loss", "val_loss", "val_balanced_accuracy"):
            np.testing.assert_allclose(
                other.history[name], cached.history[name], atol=1e-5, err_msg=name
            )


@pytest.mark.nightly
def test_fresh_views_fit_the_head_on_unaugmented_images(
    image_folder: Path, tmp_path: Path
) -> None:
    fresh = fit(data_of(image_folder, tmp_path), "ridge", feature_cache="on")
    plain = ImageData.from_folder(
        image_folder / "train",
        image_size=SIZE,
        batch_size=7,
        augmentation=Augmentation(strength=0),
        cache_dir=tmp_path,
    )
    for one, other in zip(
        weights_of(fresh.model), weights_of(fit(plain, "ridge").model), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    sampled = fit(data_of(image_folder, tmp_path, class_balance="sampling"), "ridge")
    weighted = fit(data_of(image_folder, tmp_path, class_balance="weights"), "ridge")
    np.testing.assert_array_equal(head_outputs(sampled.model), head_outputs(weighted.model))
    assert np.abs(head_outputs(sampled.model) - head_outputs(fresh.model)).max() > 1e-3
    by_class = dict(enumerate(balanced_weights(np.bincount(plain.train.labels)).tolist()))
    given = fit(plain, "ridge", class_weight=by_class)
    np.testing.assert_allclose(
        head_outputs(given.model), head_outputs(weighted.model), atol=1e-5
    )


@pytest.mark.slow
def test_a_finished_run_is_not_fitted_again(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, run_dir = data_of(image_folder, tmp_path / "cache"), tmp_path / "run"
    first = fit(data, "ridge", run_dir=run_dir, callbacks={"figures": None})
    checkpoints = [path.name for path in (run_dir / "checkpoints").glob("step-*")]
    assert checkpoints == [first.best_checkpoint.name]
    opened = keras.saving.load_model(run_dir / "model.keras", safe_mode=True)
    images = data.validation.images(np.arange(6))
    said = np.array(first.model(images))
    np.testing.assert_allclose(opened(images), said, atol=1e-6)

    monkeypatch.setattr(TransferClassifier, "prepare", _never)
    again = fit(data, "ridge", run_dir=run_dir, callbacks={"figures": None})
    assert again.history["val_loss"] == first.history["val_loss"]
    np.testing.assert_array_equal(again.model(images), said)


def test_backbone_finetuning_of_a_fitted_head_is_refused() -> None:
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(3, trainable=False)(inputs))
    run = RunState(model, tf.distribute.get_strategy())
    with pytest.raises(ConfigError, match="BackboneFinetuning needs a head that trains"):
        BackboneFinetuning().on_fit_begin(run)


@pytest.mark.nightly
def test_learning_rate_finder_on_a_fitted_head_is_refused(
    image_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="LearningRateFinder"):
        fit(data_of(image_folder, tmp_path), "ridge", callbacks=[LearningRateFinder()])


@pytest.mark.slow
def test_fitted_module_with_trainable_variables_is_refused(
    image_folder: Path, tmp_path: Path
) -> None:
    data = data_of(image_folder, tmp_path)
    linear = module(data, "linear")
    linear.is_fitted = True
    with pytest.raises(ConfigError, match=r"is_fitted.*trainable_variables=2"):
        Trainer(callbacks=[]).fit(linear, data)
