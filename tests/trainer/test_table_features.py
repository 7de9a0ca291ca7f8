"""Training on images with columns of a table."""

import csv
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import replicas, smooth_image, weights_of
from keraunos import (
    Augmentation,
    ConfigError,
    ImageData,
    MultiLabelTransferClassifier,
    Optimizer,
    Trainer,
    TransferClassifier,
    TransferRegressor,
)
from small_backbone import SIZE

# Not divisible by batches of 5, nor these by replicas.
CLASSES = {"a": 9, "b": 7, "c": 6}
SITES = ["arm", "", "leg"]

pytestmark = pytest.mark.usefixtures("tiny_mobilenet")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Images whose class follows from the columns, not from the pixels."""
    labels = "".join(name * count for name, count in CLASSES.items())
    for number in range(len(labels)):
        smooth_image(number, 40, 40).save(tmp_path / f"p{number:02d}.png")
    path = tmp_path / "table.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label", "age", "site", "hair", "ink"])
        for number, label in enumerate(labels):
            place = "abc".index(label)
            age = "" if number % 6 == 5 else 30 + 20 * place + number % 4
            cells = [label, age, SITES[place], place % 2, int(place > 1)]
            rows.writerow([f"p{number:02d}", *cells])
    return path


def read(table: Path, **options: Any) -> ImageData:
    given: dict[str, Any] = {
        "features": ["age", "site"],
        "image_size": SIZE,
        "batch_size": 5,
        "cache_dir": table.parent / "cache",
        "augmentation": Augmentation(0.5, views=2),
        **options,
    }
    return ImageData.from_csv(table, **given)


def module_for(data: ImageData, **options: Any) -> Any:
    options = {
        "image_size": SIZE,
        "backbone": "MobileNetV2",
        "weights": None,
        "dropout": 0.0,
        "table_features": data.train.table_features,
        "optimizer": Optimizer("sgd", learning_rate=0.1),
        **options,
    }
    if data.task == "multi_label":
        return MultiLabelTransferClassifier(data.num_classes, **options)
    if data.task == "regression":
        return TransferRegressor(data.train.target_scale, **options)
    return TransferClassifier(data.num_classes, **options)


def fit(table: Path, count: int = 1, cache: str = "off", **options: Any) -> Any:
    data = read(table, **options)
    settings: Any = {"strategy": replicas(count), "max_epochs": 2, "callbacks": []}
    keras.utils.set_random_seed(0)
    return Trainer(feature_cache=cache, **settings).fit(module_for(data), data)


def assert_same(one: Any, other: Any) -> None:
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(one.history[name], other.history[name], rtol=1e-6)
    for a, b in zip(weights_of(one.model), weights_of(other.model), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)  # heads are of float32


@pytest.mark.slow
def test_cached_features_train_the_same_as_images(table: Path, float64: None) -> None:
    cached, whole = fit(table, cache="on"), fit(table)
    assert_same(cached, whole)


@pytest.mark.nightly
@pytest.mark.parametrize(("count", "cache"), [(2, "on"), (4, "off")])
def test_replicas_do_not_change_the_result(
    table: Path, float64: None, count: int, cache: str
) -> None:
    assert_same(fit(table), fit(table, count, cache))


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("task", "columns"), [("multi_label", ["hair", "ink"]), ("regression", ["hair"])]
)
def test_other_tasks_train_the_same_with_cached_features(
    table: Path, float64: None, task: str, columns: list[str]
) -> None:
    options = {"task": task, "label_columns": columns}
    assert_same(fit(table, 2, "on", **options), fit(table, 1, "off", **options))


@pytest.mark.nightly
def test_columns_add_information_missing_from_the_images(table: Path) -> None:
    def loss(**options: Any) -> float:
        data = read(table, augmentation=Augmentation(0), **options)
        trainer = Trainer(strategy=replicas(1), max_epochs=60, callbacks=[])
        adam = Optimizer("adam", learning_rate=0.05)
        result = trainer.fit(module_for(data, optimizer=adam), data)
        return float(result.history["val_loss"][-1])

    assert loss() < 0.3 < loss(features=None)


@pytest.mark.nightly
def test_resumed_run_matches_an_uninterrupted_run(table: Path, tmp_path: Path) -> None:
    def run(name: str, epochs: int) -> Any:
        data = read(table)
        trainer = Trainer(
            strategy=replicas(2),
            max_epochs=epochs,
            run_dir=tmp_path / name,
            seed=5,
        )
        return trainer.fit(module_for(data, dropout=0.3), data)

    run("two", 1)
    resumed, whole = run("two", 3), run("one", 3)
    for a, b in zip(weights_of(resumed.model), weights_of(whole.model), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_module_without_the_columns_of_its_data_is_refused(table: Path) -> None:
    data = read(table)
    for given in (None, read(table, features=["site"]).train.table_features):
        module = module_for(data, table_features=given)
        with pytest.raises(
            ConfigError, match=r"table_features=data\.train\.table_features"
        ):
            Trainer(callbacks=[], max_epochs=1).fit(module, data)
