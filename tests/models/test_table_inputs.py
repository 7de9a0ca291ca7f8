"""Columns of a table besides the image, within the model."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keraunos import (
    ConfigError,
    MultiLabelTransferClassifier,
    TransferClassifier,
    TransferRegressor,
)
from keraunos.core.table_features import NumberColumn, TableFeatures, WordColumn
from keraunos.core.target_scale import TargetScale
from keraunos.features.cut import find_cut
from keraunos.models import FrozenPart
from keraunos.models.inference import infer, keep_parts
from keraunos.models.keras_graph import head_behind, part_before
from keraunos.models.table_inputs import column_inputs, encode_columns, features_of_model

FEATURES = TableFeatures(
    (
        NumberColumn("age", 40.0, 10.0, has_missing=True),
        WordColumn("site (left)", ("", "arm", "leg")),
        NumberColumn("size", 2.0, 0.5),
        WordColumn("sex", ("female", "male")),
    )
)
CELLS = {
    "age": ["50", "", "30"],
    "site (left)": ["leg", "", "head"],
    "size": ["3", "1.5", ""],
    "sex": ["male", "", "female"],
}
# Numbers in deviations from the mean, whether age is missing, then the categories.
ENCODED = [
    [1, 2, 0, 0, 0, 1, 0, 1],
    [0, -1, 1, 1, 0, 0, 0, 0],
    [-1, 0, 0, 0, 0, 0, 1, 0],
]
SIZE = 32


def tensors(cells: dict[str, list[str]] = CELLS) -> dict[str, Any]:
    arrays = FEATURES.arrays(cells)
    return {name: tf.constant(array) for name, array in arrays.items()}


def inputs(rows: int = 3) -> dict[str, Any]:
    pixels = np.random.default_rng(0).uniform(0, 255, (rows, SIZE, SIZE, 3))
    return {"image": tf.constant(pixels, tf.float32), **tensors()}


@pytest.fixture(scope="module")
def encoder() -> keras.Model:
    columns = column_inputs(FEATURES)
    return keras.Model(columns, encode_columns(FEATURES, columns))


@pytest.mark.feature("columns besides the image")
def test_cells_are_encoded_as_deviations_and_categories(encoder: keras.Model) -> None:
    np.testing.assert_allclose(encoder(tensors()), ENCODED, atol=1e-6)


def test_unknown_values_are_encoded_as_zeros(encoder: keras.Model) -> None:
    unknown = {**CELLS, "site (left)": ["head"] * 3, "sex": ["", "divers", "?"]}
    encoded = np.array(encoder(tensors(unknown)))
    assert not encoded[:, 3:].any()


@pytest.fixture
def model(tiny_mobilenet: None) -> keras.Model:
    return TransferClassifier(
        3,
        image_size=SIZE,
        backbone="MobileNetV2",
        weights=None,
        table_features=FEATURES,
        standardize_features=True,
    ).build()


def test_saved_model_accepts_raw_cells_and_opens_in_safe_mode(
    model: keras.Model, tmp_path: Path
) -> None:
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(loaded(inputs()), model(inputs()), rtol=1e-5)
    np.testing.assert_allclose(
        loaded.predict(inputs(), verbose=0), model(inputs()), rtol=1e-5
    )


def test_table_features_are_read_from_the_layers_of_a_model(model: keras.Model) -> None:
    read = features_of_model(model)
    assert read is not None
    assert [type(column) for column in read.columns] == [
        type(column) for column in FEATURES.columns
    ]
    assert read.names == FEATURES.names
    assert [c.words for c in read.columns if isinstance(c, WordColumn)] == [
        ("", "arm", "leg"),
        ("female", "male"),
    ]
    assert (
        features_of_model(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
        is None
    )


def test_model_with_columns_equals_its_backbone_plus_head(model: keras.Model) -> None:
    features = model.get_layer("features").output
    first, rest = part_before(features, model), head_behind(features, model)
    assert [each.name for each in first.inputs] == ["image"]
    whole = np.array(infer(model, inputs()))
    given = inputs()
    columns = [given[name] for name in FEATURES.names]
    np.testing.assert_allclose(rest([first(given["image"]), *columns]), whole, rtol=1e-5)
    keep_parts(model, FrozenPart(first), rest)
    np.testing.assert_allclose(infer(model, inputs()), whole, rtol=1e-5)


def test_frozen_part_is_found_despite_columns(model: keras.Model) -> None:
    found = find_cut(model)
    assert found.features is model.get_layer("standardize").output


@pytest.mark.usefixtures("tiny_mobilenet")
def test_all_tasks_accept_columns() -> None:
    options: Any = {
        "image_size": SIZE,
        "backbone": "MobileNetV2",
        "weights": None,
        "table_features": FEATURES,
    }
    labels = MultiLabelTransferClassifier(2, **options)
    numbers = TransferRegressor(TargetScale((5.0,), (2.0,)), **options)
    for module, columns in ((labels, 2), (numbers, 1)):
        model = module.build()
        assert model(inputs()).shape == (3, columns)
        assert "columns age, site (left), size, sex" in module.describe(model)
        assert module.settings()["table_features"][0]["mean"] == 40.0


def test_fitted_head_rejects_columns() -> None:
    with pytest.raises(ConfigError, match=r"model.head='ridge'. Choose the head linear"):
        TransferClassifier(3, head="ridge", weights=None, table_features=FEATURES)


@pytest.mark.usefixtures("tiny_mobilenet")
@pytest.mark.parametrize("name", ["features", "probabilities"])
def test_column_named_like_a_layer_is_rejected(name: str) -> None:
    module = TransferClassifier(
        3,
        image_size=SIZE,
        backbone="MobileNetV2",
        weights=None,
        table_features=TableFeatures((NumberColumn(name, 0.0, 1.0),)),
    )
    with pytest.raises(
        ConfigError, match=f"the name of a layer: {name}. Received: data.feat"
    ):
        module.build()
