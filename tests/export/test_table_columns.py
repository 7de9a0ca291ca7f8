"""Models with table columns in addition to images, in every format."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from checked_exports import CLASSES, DESCRIPTION
from keraunos.core.errors import ConfigError
from keraunos.core.files import sha256_of_file
from keraunos.core.table_features import NumberColumn, TableFeatures, WordColumn
from keraunos.export.formats.registry import format_names, format_of
from keraunos.export.open_export import open_export
from keraunos.export.portable.columns import columns_of, described_columns, inputs_for
from keraunos.export.portable.fields import Fields, ModelFileError
from keraunos.export.portable.runtimes import KerasRun
from keraunos.models.ensemble import ensemble_model
from keraunos.models.table_inputs import (
    column_inputs,
    columns_of_models,
    encode_columns,
    fuse,
)

SIZE = 8
# Two folds with different means and categories.
FOLDS = (
    TableFeatures(
        (
            NumberColumn("age", 40.0, 10.0, has_missing=True),
            WordColumn("body site", ("", "arm", "leg")),
            WordColumn("sex", ("female", "male")),
        )
    ),
    TableFeatures(
        (
            NumberColumn("age", 45.0, 12.0),
            WordColumn("body site", ("back", "leg")),
            WordColumn("sex", ("", "female", "male")),
        )
    ),
)
CELLS = {
    "age": ["50", "", "30.5", "41", ""],
    "body site": ["leg", "", "head", "back", "arm"],
    "sex": ["male", "other", "female", "", "male"],
}
IMAGES = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)


def member(features: TableFeatures, seed: int) -> keras.Model:
    images = keras.Input((SIZE, SIZE, 3), name="image")
    columns = column_inputs(features)
    pooled = keras.layers.GlobalAveragePooling2D()(images / 255)
    start = keras.initializers.RandomNormal(stddev=1.0, seed=seed)
    head = keras.layers.Dense(3, "softmax", kernel_initializer=start)
    fused = fuse(pooled, encode_columns(features, columns))
    return keras.Model([images, *columns], head(fused))


@pytest.fixture(scope="module")
def members() -> list[keras.Model]:
    return [member(each, seed) for seed, each in enumerate(FOLDS)]


@pytest.fixture(scope="module")
def columns(members: list[keras.Model]) -> TableFeatures:
    found = columns_of_models(members)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def wanted(members: list[keras.Model], columns: TableFeatures) -> Any:
    """Mean prediction of the members, each called separately with text."""
    inputs = inputs_for(None, columns, IMAGES, CELLS)
    return np.mean([KerasRun(each)(inputs) for each in members], axis=0)


def test_ensemble_categories_are_the_union_of_its_members(columns: TableFeatures) -> None:
    words = [each.words for each in columns.columns if isinstance(each, WordColumn)]
    assert words == [("", "arm", "back", "leg"), ("", "female", "male")]


def test_members_with_different_columns_are_rejected() -> None:
    other = TableFeatures((WordColumn("age", ("1", "2")), *FOLDS[0].columns[1:]))
    models = [member(FOLDS[0], 0), member(other, 0)]
    with pytest.raises(ConfigError, match=r"same table columns.*'age': 'category'"):
        columns_of_models(models)
    with pytest.raises(ConfigError, match="of the same shape"):
        ensemble_model(models)


@pytest.mark.slow
@pytest.mark.parametrize("name", format_names())
def test_exports_with_table_columns_predict_like_the_models(
    name: str,
    members: list[keras.Model],
    columns: TableFeatures,
    wanted: Any,
    tmp_path: Path,
) -> None:
    """The written files also pass the checks of `open_export`."""
    format = format_of(name)
    description = replace(
        DESCRIPTION, image_size=SIZE, columns=columns, correction=None, classes=CLASSES
    )
    format.write(ensemble_model(members), description, tmp_path)
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    digests = {str(each.relative_to(tmp_path)): sha256_of_file(each) for each in files}
    document = {"format": name, "file": format.file, "files": digests}
    (tmp_path / "model.json").write_text(json.dumps(description.as_json() | document))
    model = open_export(tmp_path)
    assert np.ptp(wanted, axis=0).max() > 0.1
    for count in (5, 1, 3):
        cells = {column: texts[:count] for column, texts in CELLS.items()}
        found = model.answers(IMAGES[:count], cells).probabilities
        np.testing.assert_allclose(found, wanted[:count], atol=1e-6)
    if name == "saved_model":
        contents = [tf.io.encode_png(image).numpy() for image in IMAGES]
        ask = tf.saved_model.load(str(tmp_path / format.file)).signatures["serving_bytes"]
        arrays = zip(columns.input_names, columns.arrays(CELLS).values(), strict=True)
        found = ask(
            image_bytes=tf.constant(contents),
            **{each: tf.constant(array) for each, array in arrays},
        )
        np.testing.assert_allclose(found["probabilities"], wanted, atol=1e-6)


def test_column_description_survives_a_json_round_trip(columns: TableFeatures) -> None:
    described = json.loads(json.dumps(described_columns(columns)))
    assert described[1] == {
        "name": "body site",
        "input": "body_site",
        "kind": "category",
        "categories": ["", "arm", "back", "leg"],
    }
    assert columns_of(Fields({"columns": described})) == columns
    assert columns_of(Fields({})) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "image"}, "number or category"),
        ({"name": "image"}, "name of the image itself"),
        ({"categories": ["arm", "arm"]}, "distinct texts"),
        ({"name": "sex"}, "names must differ"),
    ],
)
def test_invalid_column_descriptions_are_rejected(
    change: dict[str, Any], reason: str, columns: TableFeatures
) -> None:
    described = described_columns(columns) or []
    described[1] |= change
    with pytest.raises(ModelFileError, match=reason):
        columns_of(Fields({"columns": described}))
