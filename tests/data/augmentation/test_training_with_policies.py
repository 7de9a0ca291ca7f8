"""Training with all policies: replicas and interruptions change nothing."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import ALL_POLICIES, replicas, weights_of
from keraunos import Augmentation, ImageData, Trainer
from keraunos.callbacks import ModelCheckpoint
from resumable_runs import Sender

SIZE = 32
pytestmark = pytest.mark.nightly


def build() -> keras.Model:
    """A model that is sensitive to positions within an image."""
    keras.utils.set_random_seed(3)
    layers = [
        keras.Input((SIZE, SIZE, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.AveragePooling2D(4),
        keras.layers.Flatten(),
        keras.layers.Dense(3, "softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
    return model


def fit(image_folder: Path, count: int = 1, run: Path | None = None, *extra: Any) -> Any:
    data = ImageData.from_folder(
        image_folder / "train",
        image_size=SIZE,
        batch_size=7,
        validation_split=0.0,
        class_balance="sampling",
        augmentation=Augmentation(0.5, **ALL_POLICIES),
        cache="memory",
        seed=3,
    )
    trainer = Trainer(
        strategy=replicas(count), max_epochs=2, run_dir=run, callbacks=[*extra]
    )
    return trainer.fit(build, data)


@pytest.fixture(scope="module")
def alone(image_folder: Path) -> Any:
    return fit(image_folder)


@pytest.mark.parametrize("count", [2, 4])
def test_replicas_train_to_the_same_weights(
    image_folder: Path, alone: Any, count: int
) -> None:
    shared = fit(image_folder, count)
    np.testing.assert_allclose(shared.history["loss"], alone.history["loss"], rtol=1e-5)
    for one, other in zip(weights_of(shared.model), weights_of(alone.model), strict=True):
        assert np.linalg.norm(one - other) <= 1e-5 * np.linalg.norm(other)


@pytest.mark.parametrize("step", [2, 5, 7])
def test_interrupted_run_ends_bit_identical(
    image_folder: Path, alone: Any, tmp_path: Path, step: int
) -> None:
    checkpoints = ModelCheckpoint(save_last=True)
    assert fit(
        image_folder, 1, tmp_path, checkpoints, Sender("on_train_step_end", step)
    ).signal
    resumed = fit(image_folder, 1, tmp_path, ModelCheckpoint(save_last=True))
    for one, other in zip(weights_of(resumed.model), weights_of(alone.model), strict=True):
        np.testing.assert_array_equal(one, other)
