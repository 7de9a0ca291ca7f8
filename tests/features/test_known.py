"""Validation images are predicted from the features that a fit has left in the cache."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import make_images
from keraunos import Augmentation, ImageData
from keraunos.core.store import Store
from keraunos.data.image_split import ImageSplit
from keraunos.features import FeatureCache, on_known_features
from keraunos.models import FrozenPart
from keraunos.models.inference import keep_parts
from keraunos.models.keras_graph import head_behind
from keraunos.trainer.loop.evaluation import predict, predict_batches, predict_held_out

SIZE = 32


def model_of_parts() -> tuple[keras.Model, FrozenPart]:
    """A model that keeps its parts, and the first of them."""
    inputs = keras.Input((SIZE, SIZE, 3))
    maps = keras.layers.Conv2D(2, 3, trainable=False)(keras.layers.Rescaling(0.01)(inputs))
    features = keras.layers.GlobalAveragePooling2D()(maps)
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(features))
    model.compile("sgd", "sparse_categorical_crossentropy")
    frozen = FrozenPart(keras.Model(inputs, features))
    keep_parts(model, frozen, head_behind(features, model))
    return model, frozen


@pytest.fixture
def data(request: pytest.FixtureRequest, tmp_path: Path) -> ImageData:
    folder = make_images(tmp_path / "train", {"cat": 9, "dog": 8}, size=40)
    return ImageData.from_folder(
        folder,
        image_size=SIZE,
        batch_size=2,
        augmentation=Augmentation(views=1),
        cache_dir=tmp_path / "cache",
        **getattr(request, "param", {}),
    )


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[ImageSplit]:
    """The split of each batch of images."""
    splits: list[ImageSplit] = []
    original = ImageSplit.images

    def recorded(self: ImageSplit, places: Any) -> Any:
        splits.append(self)
        return original(self, places)

    monkeypatch.setattr(ImageSplit, "images", recorded)
    return splits


@pytest.mark.parametrize("data", [{}, {"folds": 3, "fold": 2}], indirect=True)
def test_head_on_cached_features_predicts_like_the_model_on_images(
    data: ImageData, drawn: list[ImageSplit]
) -> None:
    model, frozen = model_of_parts()
    held_out, store = data.validation, data.store
    assert held_out is not None
    assert isinstance(store, Store)
    FeatureCache(frozen, store, predict_batches).features(held_out)
    expected = predict(model, held_out)
    drawn.clear()
    found = predict_held_out(model, held_out)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    model.layers[-1].bias.assign([1.0, 0.0])
    changed = predict_held_out(model, held_out)
    assert not drawn
    assert np.abs(changed - expected).min() > 0.01
    np.testing.assert_allclose(changed, predict(model, held_out), atol=1e-6)
    frozen.model.layers[2].bias.assign([0.5, 0.0])  # these features are not known
    assert on_known_features(model, held_out) == (model, held_out)


def test_uncached_images_and_models_without_parts_are_used_unchanged(
    data: ImageData,
) -> None:
    model, frozen = model_of_parts()
    held_out, store = data.validation, data.store
    assert on_known_features(model, held_out) == (model, held_out)  # nothing is known yet
    assert isinstance(store, Store)
    assert held_out is not None
    cache = FeatureCache(frozen, store, predict_batches)
    cache.features(held_out)
    cache.features(data.train.view(0))
    assert on_known_features(model, held_out)[0] is not model
    whole = keras.Model(model.inputs, model.outputs)
    for other, source in [
        (model, held_out.only(np.array([0]))),
        (model, data.train),
        (model, held_out.images),
        (whole, held_out),
    ]:
        assert on_known_features(other, source) == (other, source)
