"""After a fit on cached features, held-out images are predicted from theirs."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import make_images, replicas
from keraunos import Augmentation, ImageData
from keraunos.core.store import Store
from keraunos.data.image_split import ImageSplit
from keraunos.features import FeatureCache, on_features
from keraunos.models import FrozenPart, Module
from keraunos.models.inference import keep_parts
from keraunos.models.keras_graph import head_behind
from keraunos.trainer.loop.evaluation import (
    predict,
    predict_batches,
    predict_held_out,
    score,
)

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


def twice_the_crossentropy(labels: Any, outputs: Any) -> Any:
    return 2 * keras.losses.sparse_categorical_crossentropy(labels, outputs)


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


@pytest.mark.parametrize(
    ("data", "count"), [({}, 2), ({"folds": 3, "fold": 2}, 1)], indirect=["data"]
)
def test_head_on_cached_features_predicts_like_the_model_on_images(
    data: ImageData, count: int, drawn: list[ImageSplit]
) -> None:
    with replicas(count).scope():
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
    drawn.clear()
    frozen.model.layers[2].bias.assign([0.5, 0.0])  # these features are not known
    other = predict_held_out(model, held_out)
    assert drawn
    np.testing.assert_allclose(other, predict(model, held_out), atol=1e-6)
    drawn.clear()
    np.testing.assert_array_equal(predict_held_out(model, held_out), other)
    assert not drawn


def test_score_on_features_uses_the_loss_the_model_is_compiled_with_now(
    data: ImageData, drawn: list[ImageSplit]
) -> None:
    model, _ = model_of_parts()
    whole = keras.Model(model.inputs, model.outputs)
    for loss in ("sparse_categorical_crossentropy", twice_the_crossentropy):
        for each in (model, whole):
            each.compile("sgd", loss)
        drawn.clear()
        found = score(model, data.validation, Module())
        computed = len(drawn)
        expected = score(whole, data.validation, Module())
        assert found.scores["loss"] == pytest.approx(expected.scores["loss"], rel=1e-6)
    assert computed == 0


def test_training_images_and_models_without_parts_are_used_unchanged(
    data: ImageData,
) -> None:
    model, frozen = model_of_parts()
    held_out = data.validation
    assert held_out is not None
    assert on_features(model, held_out, predict_batches)[0] is not model
    whole = keras.Model(model.inputs, model.outputs)
    for other, source in [
        (model, data.train),
        (model, data.train.view(0)),
        (model, held_out.images),
        (whole, held_out),
    ]:
        assert on_features(other, source, predict_batches) == (other, source)
    data.store.limit_bytes = 100
    frozen.model.layers[2].bias.assign([0.5, 0.0])
    assert on_features(model, held_out, predict_batches) == (model, held_out)
    data.store.limit_bytes = 10_000
    frozen.model.layers[2].trainable = True
    assert frozen.model.trainable_variables
    assert on_features(model, held_out, predict_batches) == (model, held_out)
