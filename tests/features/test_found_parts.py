"""A user's own function trains on cached features wherever its model has a frozen part."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import replicas, weights_of
from keraunos import Augmentation, ConfigError, ImageData, Module, Trainer
from keraunos.features import FeatureCache

SIZE = 32
layers = keras.layers


def build(is_nested: bool) -> keras.Model:
    """A frozen backbone, nested or flat, dropout, and a head with a hidden layer."""
    inputs = keras.Input((SIZE, SIZE, 3))
    front = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, 4, activation="relu"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
        ]
    )
    front.trainable = False
    features = inputs
    for layer in [front] if is_nested else front.layers:
        features = layer(features)
    hidden = layers.Dense(5, "tanh")(layers.Dropout(0.2)(features))
    model = keras.Model(inputs, layers.Dense(3, "softmax")(hidden))
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(0.05, 0.9), loss, metrics=["accuracy"])
    return model


def data_of(folder: Path, cache: Path) -> ImageData:
    return ImageData.from_folder(
        folder / "train",
        image_size=SIZE,
        batch_size=7,
        augmentation=Augmentation(views=2),
        cache_dir=cache,
    )


def trainer(mode: str) -> Trainer:
    return Trainer(strategy=replicas(1), max_epochs=2, callbacks=[], feature_cache=mode)


@pytest.mark.slow
@pytest.mark.parametrize("is_nested", [True, False], ids=["nested", "flat"])
def test_cached_training_equals_uncached(
    image_folder: Path, tmp_path: Path, is_nested: bool
) -> None:
    computed = []
    original = FeatureCache.features

    def counted(self: FeatureCache, images: Any) -> Any:
        found = original(self, images)
        computed.append(len(found))
        return found

    def fit(mode: str) -> Any:
        return trainer(mode).fit(lambda: build(is_nested), data_of(image_folder, tmp_path))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FeatureCache, "features", counted)
        cached, uncached = fit("auto"), fit("off")
    assert computed == [24, 24, 6]  # two versions to train on; the validation images
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(cached.history[name], uncached.history[name], atol=1e-5)
    pairs = zip(weights_of(cached.model), weights_of(uncached.model), strict=True)
    for one, other in pairs:
        assert np.linalg.norm(one - other) <= 1e-4 * max(1, np.linalg.norm(other))


def unfrozen() -> keras.Model:
    model = build(is_nested=True)
    model.layers[1].trainable = True
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


class OwnStep(Module):
    def build(self) -> keras.Model:
        return build(is_nested=True)

    def training_step(self, model: Any, batch: Any, training: bool) -> dict[str, Any]:
        images, targets, _ = batch
        outputs = model(images / 2.0, training=training)
        return {"loss": keras.losses.sparse_categorical_crossentropy(targets, outputs)}


@pytest.mark.parametrize(
    ("module", "words"),
    [(unfrozen, "trains"), (OwnStep(), "Module.training_step may use the images")],
)
def test_uncacheable_models_are_refused_with_the_reason(
    image_folder: Path, tmp_path: Path, module: Any, words: str
) -> None:
    data = data_of(image_folder, tmp_path)
    lines = trainer("auto").describe(module, data)
    (line,) = [each for each in lines if each.startswith("features: ")]
    assert "not cached" in line
    assert words in line
    with pytest.raises(ConfigError, match=f"feature_cache=on.* not possible: .*{words}"):
        trainer("on").fit(module, data)
