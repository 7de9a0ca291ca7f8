"""Features of mixed images: no image of another split is in them, nor in their keys."""

import csv
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import make_images, replicas, weights_of
from keraunos import (
    Accuracy,
    Augmentation,
    ConfigError,
    Crossentropy,
    ImageData,
    Trainer,
    TransferClassifier,
)
from keraunos.configs import load_config
from keraunos.core.shared_store import open_store
from keraunos.data.order import Draws
from keraunos.features import FeatureCache, FeatureSplit, as_fitted_on
from keraunos.models import FrozenPart
from keraunos.trainer.setup.compiled_model import build_model
from PIL import Image
from small_backbone import SIZE, Small

IMAGES, FOLDS, BATCH_SIZE = 12, 2, 5
MIXING = {"mixup": 0.4, "cutmix": 1.0}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Twelve images, each in the validation split of one of two folds."""
    make_images(tmp_path, {"a": 7, "b": 3, "c": 2})
    path = tmp_path / "table.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label", "fold_0", "fold_1"])
        for number, image in enumerate(files_of(path)):
            folds = ("validation" if number % FOLDS == n else "train" for n in range(FOLDS))
            rows.writerow([image.relative_to(tmp_path), image.parent.name, *folds])
    return path


def files_of(table: Path) -> list[Path]:
    return sorted(table.parent.rglob("*.png"))


def change(table: Path, place: int) -> None:
    """Replaces the pixels of an image of the table."""
    pixels = np.random.default_rng(place).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(pixels).save(files_of(table)[place])


def fold_of(table: Path, fold: int = 0, **mixing: Any) -> ImageData:
    data = ImageData.from_csv(
        table,
        image_column="image",
        label_column="label",
        split_column=f"fold_{fold}",
        image_size=SIZE,
        batch_size=BATCH_SIZE,
        cache_dir=table.parent / "cache",
        augmentation=Augmentation(0.5, views=2, **mixing),
    )
    for split in (data.train, data.train.in_order, data.validation):
        split.is_of_fold = True  # as with data.folds, whose split is drawn
    return data


def network() -> keras.Model:
    inputs = keras.Input((SIZE, SIZE, 3))
    pooled = keras.layers.AveragePooling2D(8)(inputs)
    return keras.Model(inputs, keras.layers.Flatten()(pooled))


def features_of(images: Any, cache: Path) -> Any:
    """The features of a split, and how many of them had to be computed."""

    def compute(model: keras.Model, images: Any, start: int) -> Any:
        draws = images.draws(0)
        for first in range(start * BATCH_SIZE, images.num_examples, BATCH_SIZE):
            rows = Draws(*(each[first : first + BATCH_SIZE] for each in draws))
            yield np.asarray(model(images.prepare(images.arrays(rows))[0]))

    features = FeatureCache(FrozenPart(network()), open_store(cache), compute)
    return np.array(features.features(images)), features.computed


@pytest.mark.feature("mixing")
def test_no_validation_image_is_in_the_features_of_a_fold(
    table: Path, tmp_path: Path
) -> None:
    views = [fold_of(table, **MIXING).train.view(number) for number in range(2)]
    before = [features_of(view, tmp_path / "before")[0] for view in views]
    for place in range(0, IMAGES, FOLDS):  # all of its validation split
        change(table, place)
    again = [fold_of(table, **MIXING).train.view(number) for number in range(2)]
    assert [view.fingerprint for view in again] == [view.fingerprint for view in views]
    for view, values in zip(again, before, strict=True):
        reread, computed = features_of(view, tmp_path / "again")
        assert computed == len(values)
        np.testing.assert_array_equal(reread, values)
        assert features_of(view, tmp_path / "before")[1] == 0


def test_changed_mixing_partner_changes_the_features_of_others(
    table: Path, tmp_path: Path
) -> None:
    view = fold_of(table, **MIXING).train.view(0)
    before, _ = features_of(view, tmp_path / "features")
    change(table, 1)
    changed = fold_of(table, **MIXING).train.view(0)
    assert changed.fingerprint != view.fingerprint
    after, computed = features_of(changed, tmp_path / "features")
    assert computed == len(after)
    assert (np.abs(after - before).max(axis=1) > 1).sum() > 1  # not only in its own row


def test_folds_share_unmixed_features_but_no_mixed_ones(table: Path) -> None:
    mixed, plain = fold_of(table, **MIXING), fold_of(table)
    other = fold_of(table, fold=1, **MIXING)
    keys = {
        split.fingerprint
        for data in (mixed, plain, other)
        for split in (data.train.view(0), data.train.view(1))
    }
    assert len(keys) == 6
    for name in ("validation", "train"):
        unmixed = getattr(mixed, name).in_order.fingerprint
        assert unmixed == getattr(plain, name).in_order.fingerprint
    balanced = fold_of(table, **MIXING).train
    balanced.class_balance = "sampling"
    assert balanced.view(0).fingerprint not in keys  # partners are drawn by class


def test_mixed_views_are_computed_only_for_their_fold(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "train", {"a": 4, "b": 4})
    augmentation = Augmentation(0.5, views=2, **MIXING)
    data = ImageData.from_folder(folder, augmentation=augmentation, folds=2, fold=1)
    assert data.train.view(0).whole is None
    assert data.train.in_order.whole is not None


def test_cached_features_and_targets_match_the_mixed_images(
    table: Path, tmp_path: Path
) -> None:
    train = fold_of(table, **MIXING).train
    cache = tmp_path / "features"
    views = [features_of(train.view(number), cache)[0] for number in range(2)]
    features = FeatureSplit(train, views)
    for epoch in range(3):
        draws = train.draws(epoch)
        images, targets, _ = train.prepare(train.arrays(draws))
        cached, same, _ = features.prepare(features.arrays(draws))
        np.testing.assert_allclose(cached, network()(images), rtol=1e-5)
        np.testing.assert_array_equal(same, targets)
    assert features.mixes


def test_fitted_heads_refuse_mixed_images(table: Path) -> None:
    with pytest.raises(ConfigError, match="of one class each"):
        as_fitted_on(fold_of(table, **MIXING).train)
    as_fitted_on(fold_of(table).train)
    problem = "model.head='ridge'. Leave out augmentation.mixup"
    with pytest.raises(ConfigError, match=problem):
        load_config([], ["model.head=ridge", "augmentation.mixup=0.2"])
    load_config([], ["search.space={augmentation.mixup: {float: [0, 1]}}"])
    with pytest.raises(ConfigError, match=r"augmentation\.cutmix"):
        load_config([], ["search.space={augmentation.cutmix: {float: [-1, 1]}}"])


class Mixed(Small):
    """Accepts class probabilities as well as class indices."""

    def _compile(self, model: keras.Model, optimizer: Any) -> keras.Model:
        model.compile(optimizer, Crossentropy(), metrics=[Accuracy()])
        return model


@pytest.mark.nightly
def test_cached_training_equals_uncached(table: Path, float64: None) -> None:
    def fit(mode: str) -> Any:
        data = fold_of(table, **MIXING)
        trainer = Trainer(
            strategy=replicas(1), max_epochs=3, callbacks=[], feature_cache=mode
        )
        keras.utils.set_random_seed(0)
        return trainer.fit(Mixed(lambda: keras.optimizers.SGD(0.1)), data)

    cached, uncached = fit("on"), fit("off")
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(
            cached.history[name], uncached.history[name], atol=1e-9, err_msg=name
        )
    for one, other in zip(
        weights_of(cached.model), weights_of(uncached.model), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


OPTIONS = [
    {"metrics": ["accuracy", "macro_f1", "macro_roc_auc", "recall_per_class"]},
    {"loss": "focal", "label_smoothing": 0.1},
    {"label_smoothing": 0.1},
]


def classifier(**options: Any) -> TransferClassifier:
    return TransferClassifier(
        3, image_size=SIZE, backbone="MobileNetV2", weights=None, **options
    )


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_mobilenet")
@pytest.mark.parametrize("options", OPTIONS)
def test_transfer_classifier_accepts_mixed_images(table: Path, options: Any) -> None:
    train = fold_of(table, **MIXING).train
    build_model(classifier(**options), replicas(1), train, sync_batch_norm=True)


@pytest.mark.nightly
@pytest.mark.usefixtures("tiny_mobilenet")
@pytest.mark.parametrize("options", OPTIONS)
def test_transfer_classifier_trains_on_mixed_images(table: Path, options: Any) -> None:
    # On two replicas, where a check before the first step runs it whole and split.
    trainer = Trainer(strategy=replicas(2), max_epochs=1, callbacks=[])
    result = trainer.fit(classifier(**options), fold_of(table, **MIXING))
    assert np.isfinite([result.history["loss"], result.history["val_loss"]]).all()
