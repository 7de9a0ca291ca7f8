"""Heat maps of the evidence for a class, drawn for the page."""

import io

import keras
import numpy as np
import pytest
from color_network import SIZE, color_network, halves
from keraunos.core.table_features import NumberColumn, TableFeatures, WordColumn
from keraunos.data.files.pixel_rules import UndecodableError
from keraunos.export.portable.columns import described_columns
from keraunos.models.table_inputs import column_inputs, encode_columns
from keraunos.serving.errors import RequestError
from keraunos.serving.page.maps import ClassMaps
from PIL import Image
from serving_models import color_model


@pytest.fixture(scope="module")
def draw():
    return ClassMaps(color_model(image_size=SIZE), color_network())


def test_heat_map_is_bright_where_the_class_is(draw):
    pixels = pixels_of(draw(halves((255, 0, 0), (0, 255, 0)), {"place": 1}))
    assert pixels.shape == (320, 320, 3)
    assert pixels[:, 200:].mean() > 1.2 * pixels[:, :120].mean()
    mirrored = pixels_of(draw(halves((255, 0, 0), (0, 255, 0)), {"place": 0}))
    assert mirrored[:, :120].mean() > 1.2 * mirrored[:, 200:].mean()


def test_model_with_table_columns_has_heat_maps():
    columns = TableFeatures(
        (NumberColumn("age", 40.0, 10.0), WordColumn("sex", ("female", "male")))
    )
    images, beside = keras.Input((SIZE, SIZE, 3), name="image"), column_inputs(columns)
    shift = keras.layers.Dense(3)(encode_columns(columns, beside))
    scores = keras.layers.Add()([color_network()(images), shift])
    network = keras.Model([images, *beside], keras.layers.Softmax()(scores))
    model = color_model(image_size=SIZE, columns=described_columns(columns))
    cells = {"age": [""], "sex": ["male"]}
    draw = ClassMaps(model, network)
    image = halves((255, 0, 0), (0, 255, 0))
    pixels = pixels_of(draw(image, {"place": 1, "cells": cells}))
    assert pixels[:, 200:].mean() > 1.2 * pixels[:, :120].mean()


def test_class_without_evidence_has_no_heat_map(draw):
    with pytest.raises(
        RequestError, match=r"Nothing at the layer .* supports blue"
    ) as found:
        draw(halves((0, 0, 0), (0, 0, 0)), {"place": 2})
    assert found.value.status == 422


def test_invalid_image_has_no_heat_map(draw):
    with pytest.raises(UndecodableError):
        draw(b"no image", {"place": 0})


def test_model_without_spatial_layers_is_an_error():
    flat = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
    with pytest.raises(RequestError, match="no layer of the model has spatial outputs"):
        ClassMaps(color_model(), flat)(halves((1, 1, 1), (2, 2, 2)), {"place": 0})


def pixels_of(png):
    return np.asarray(Image.open(io.BytesIO(png))).astype(int)
