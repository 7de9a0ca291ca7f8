import json
import zipfile

import keras
import numpy as np
import pytest
from helpers import contents
from keraunos.core.errors import ConfigError
from keraunos.core.files import sha256_of_file
from keraunos.evaluation.calibration.scaling import Correction
from keraunos.export.description import Description
from keraunos.export.keras_file import (
    export_as_it_is,
    export_calibrated,
    predict_in_batches,
)

CORRECTION = Correction("temperature", 3.0)
DESCRIPTION = Description(
    "run-1", ("no", "yes", "maybe"), 6, correction=CORRECTION, applied_in_graph=True
)
IMAGES = np.random.default_rng(2).integers(0, 256, (37, 6, 6, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6, 6, 3)), keras.layers.Rescaling(1 / 64)]
    layers += [keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    return keras.Sequential(layers)


@pytest.mark.slow
def test_a_calibrated_file_answers_with_corrected_probabilities(model, tmp_path):
    file = tmp_path / "model.keras"
    difference = export_calibrated(model, IMAGES, file, DESCRIPTION)
    assert difference <= 1e-5
    loaded = keras.models.load_model(file, safe_mode=True)
    wanted = CORRECTION.apply(predict_in_batches(model, IMAGES))
    assert predict_in_batches(loaded, IMAGES) == pytest.approx(wanted, abs=1e-5)
    with zipfile.ZipFile(file) as archive:
        assert b"keraunos" not in archive.read("config.json")
    assert json.loads((tmp_path / "model.json").read_text()) == {
        "name": "run-1",
        "format": "keras",
        "file": "model.keras",
        "files": {"model.keras": sha256_of_file(file)},
        "classes": ["no", "yes", "maybe"],
        "image_size": 6,
        "input": "RGB from 0 to 255, float32, (images, height, width, 3)",
        "output": "a probability for each class, float32, (images, classes)",
        "decoding": {"bit_depth": None, "max_pixels": 64_000_000},
        "correction": {"kind": "temperature", "temperature": 3.0},
        "applied_in_graph": True,
        "decisions": {},
    }


@pytest.mark.slow
def test_a_saturated_model_is_exported_in_the_form_that_agrees(tmp_path):
    inputs = keras.Input((6, 6, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(pooled))
    model.set_weights([30 * np.eye(3), np.zeros(3)])  # logits of thousands
    file = tmp_path / "model.keras"
    description = Description(
        "run",
        "abc",
        6,
        correction=Correction("temperature", 50.0),
        applied_in_graph=True,
    )
    assert export_calibrated(model, IMAGES, file, description) <= 1e-5
    names = [layer.name for layer in keras.models.load_model(file).layers]
    assert "logarithms" not in names


@keras.saving.register_keras_serializable("keraunos-tests")
class Forgetful(keras.layers.Layer):
    """Does not save what it multiplies with."""

    factor = 1.0

    def call(self, inputs):
        return inputs * self.factor


def test_a_copy_that_answers_otherwise_is_not_written(tmp_path):
    inputs = keras.Input((6, 6, 3))
    forgetful = Forgetful()
    forgetful.factor = 0.01
    pooled = keras.layers.GlobalAveragePooling2D()(forgetful(inputs))
    model = keras.Model(inputs, keras.layers.Softmax()(pooled))
    with pytest.raises(ConfigError, match="nothing was written"):
        export_calibrated(model, IMAGES, tmp_path / "model.keras", DESCRIPTION)
    assert contents(tmp_path) == {}


def test_a_plain_export_is_the_same_file(tmp_path):
    source, output = tmp_path / "source.keras", tmp_path / "out" / "model.keras"
    source.write_bytes(b"a model")
    output.parent.mkdir()
    export_as_it_is(source, output, Description("run", "ab", 6, correction=CORRECTION))
    assert output.read_bytes() == b"a model"
    document = json.loads((output.parent / "model.json").read_text())
    assert document["applied_in_graph"] is False
    assert document["correction"]["temperature"] == 3.0


def test_an_export_replaces_an_earlier_one(tmp_path):
    source, output = tmp_path / "source.keras", tmp_path / "out" / "model.keras"
    output.parent.mkdir()
    for content in (b"first", b"second"):
        source.write_bytes(content)
        export_as_it_is(source, output, Description("run", "ab", 6))
        assert output.read_bytes() == content
        document = json.loads((output.parent / "model.json").read_text())
        assert document["files"] == {"model.keras": sha256_of_file(output)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.keras", "somebody's model"),
        ("model.json", "{}"),
        ("model.json", "[1]"),
        ("model.json", '{"class_name": "Functional", "file": "model.keras"}'),
        ("model.json", '{"file": "other.keras", "applied_in_graph": true}'),
    ],
)
def test_an_export_replaces_nothing_else(tmp_path, name, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "source.keras").write_bytes(b"a model")
    (tmp_path / "out" / name).write_text(content)
    before = contents(tmp_path)
    output = tmp_path / "out" / "model.keras"
    with pytest.raises(ConfigError, match="needs a folder of its own"):
        export_as_it_is(tmp_path / "source.keras", output, Description("run", "ab", 6))
    assert contents(tmp_path) == before
