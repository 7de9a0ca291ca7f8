"""All formats, on a small network with real preprocessing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from checked_exports import CLASSES, CORRECTION, DESCRIPTION, SIZE
from keras.applications.resnet import preprocess_input
from keraunos.core.errors import ConfigError
from keraunos.export.formats.registry import format_names, format_of
from keraunos.export.portable.runtimes import open_runtime
from keraunos.export.portable.telemetry import import_silently

openvino = import_silently("openvino")
openvino_telemetry = import_silently("openvino_telemetry")

pytestmark = pytest.mark.slow
nightly = pytest.mark.nightly

FORMATS = tuple(name for name in format_names() if name != "keras")
IMAGES = np.random.default_rng(0).integers(0, 256, (33, SIZE, SIZE, 3), np.uint8)
# Each image has its own color, so that the order of channels matters.
IMAGES = (IMAGES // 4 + IMAGES[:, :1, :1] // 4 * 3).astype(np.uint8)


def network(extra: Callable[[Any], Any] = lambda maps: maps) -> keras.Model:
    """A network with constants, GELU, grouped convolutions, standardized features."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    images = keras.Input((SIZE, SIZE, 3), name="images")
    maps = layers.Conv2D(8, 3, 4, name="conv")(preprocess_input(images))
    maps = layers.Conv2D(8, 3, groups=8, name="grouped")(maps)
    maps = extra(layers.Activation("gelu")(layers.BatchNormalization()(maps)))
    standardize = layers.BatchNormalization(epsilon=1e-30, name="standardize")
    features = standardize(layers.GlobalAveragePooling2D()(maps))
    dropped = layers.Dropout(0.5)(features)
    model = keras.Model(images, layers.Dense(3, "softmax")(dropped))
    pooled = keras.Model(images, standardize.input)(IMAGES.astype(np.float32)).numpy()
    standardize.moving_mean.assign(pooled.mean(axis=0))
    standardize.moving_variance.assign(pooled.var(axis=0))
    return model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return network()


@pytest.fixture(scope="module")
def wanted(model: keras.Model) -> Any:
    answers = model.predict_on_batch(IMAGES.astype(np.float32))
    assert answers.std(axis=0).min() > 0.05
    return answers


@pytest.fixture(scope="module")
def file_of(
    model: keras.Model, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Returns a function that writes the network once in each format."""
    root = tmp_path_factory.mktemp("exports")

    def written(name: str) -> Path:
        format, directory = format_of(name), root / name
        if not directory.exists():
            directory.mkdir()
            format.write(model, DESCRIPTION, directory)
        return directory / format.file

    return written


@pytest.mark.parametrize("name", FORMATS)
def test_converter_prints_nothing_and_sends_no_telemetry(name, file_of, capfd, monkeypatch):
    def reports(*_: Any, **__: Any) -> None:
        raise AssertionError("reports its use")

    monkeypatch.setattr(openvino_telemetry.Telemetry, "init", reports)
    monkeypatch.setattr(openvino_telemetry.Telemetry, "send_event", reports)
    assert file_of(name).exists()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", FORMATS)
def test_exports_predict_like_the_model_for_any_batch_size(name, file_of, wanted):
    run = open_runtime(name, file_of(name))
    for count in (33, 1, 3):
        answers = run(IMAGES[:count])
        assert (answers.dtype, answers.shape) == (np.float32, (count, 3))
        np.testing.assert_allclose(answers, wanted[:count], atol=1e-6)


@pytest.mark.parametrize("name", ["onnx", "litert", "openvino"])
def test_runtime_is_thread_safe(name, file_of, wanted):
    run = open_runtime(name, file_of(name), 1)
    parts = [slice(start, start + 1 + start % 3) for start in range(30)] * 4
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda part: run(IMAGES[part]), parts))
    for part, answers in zip(parts, found, strict=True):
        np.testing.assert_allclose(answers, wanted[part], atol=1e-6)


def test_saved_model_classifies_encoded_image_files(file_of, wanted):
    """The pixels equal those of our decoder: see tests/export/image_bytes."""
    model = tf.saved_model.load(str(file_of("saved_model")))
    contents = [tf.io.encode_png(image) for image in IMAGES]
    found = model.signatures["serving_bytes"](image_bytes=tf.stack(contents))
    corrected = CORRECTION.apply(wanted)
    np.testing.assert_allclose(found["probabilities"], corrected, atol=1e-6)
    assert np.abs(corrected - wanted).max() > 0.01
    names = np.array(CLASSES, dtype="S")
    assert (found["class"].numpy() == names[wanted.argmax(axis=1)]).all()
    assert (found["classes"].numpy() == names).all()
    assert found["classes"].shape == wanted.shape


def test_onnx_file_has_no_inputs_besides_the_images(file_of):
    graph = onnx.load(file_of("onnx")).graph
    assert [each.name for each in graph.input] == ["images"]
    assert [each.name for each in graph.output] == ["probabilities"]
    counts = [each.type.tensor_type.shape.dim[0] for each in (*graph.input, *graph.output)]
    assert [count.dim_param for count in counts] == ["images", "images"]


def test_openvino_stores_weights_and_computes_in_float32(file_of, monkeypatch):
    kept = [node.get_element_type() for node in _constants(file_of("openvino"))]
    assert openvino.Type.f32 in kept
    assert openvino.Type.f16 not in kept
    asked = []
    compile_model = openvino.Core.compile_model

    def noting(*arguments: Any) -> Any:
        asked.append(arguments[-1]["INFERENCE_PRECISION_HINT"])
        return compile_model(*arguments)

    # Checks the request, since a processor without bfloat16 computes in float32 anyway.
    monkeypatch.setattr(openvino.Core, "compile_model", noting)
    open_runtime("openvino", file_of("openvino"))
    assert asked == ["f32"]


def _constants(file: Path) -> list[Any]:
    operations = openvino.Core().read_model(file).get_ops()
    return [each for each in operations if each.get_type_name() == "Constant"]


def test_saved_model_has_the_layout_of_tensorflow_serving(file_of):
    file = file_of("saved_model")
    assert file.name == "1"
    signature = tf.saved_model.load(str(file)).signatures["serving_default"]
    assert [*signature.structured_input_signature[1]] == ["images"]
    assert [*signature.structured_outputs] == ["probabilities"]


@pytest.mark.parametrize(
    "name",
    ["onnx", *(pytest.param(name, marks=nightly) for name in ("litert", "openvino"))],
)
def test_unsupported_operation_is_named(name, tmp_path):
    model = network(lambda maps: keras.ops.erfinv(maps / 1000))
    with pytest.raises(ConfigError, match=rf"convertible to {name}.*Erfinv") as raised:
        format_of(name).write(model, DESCRIPTION, tmp_path)
    assert "\\n" not in str(raised.value)


class Own(keras.Model):
    def call(self, inputs: Any) -> Any:
        return inputs


def two_inputs() -> keras.Model:
    inputs = [keras.Input((4, 4, 3)), keras.Input((4, 4, 3))]
    return keras.Model(inputs, keras.layers.Add()(inputs))


def two_outputs() -> keras.Model:
    inputs = keras.Input((4, 4, 3))
    return keras.Model(inputs, [inputs + 1, inputs + 2])


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("make", "received"),
    [
        (Own, "no graph.*model='Own'"),
        (two_inputs, "images as input.*inputs=2, outputs=1"),
        (two_outputs, "one output.*inputs=1, outputs=2"),
    ],
)
def test_models_not_mapping_images_to_one_output_are_rejected(
    name, make, received, tmp_path
):
    with pytest.raises(ConfigError, match=received):
        format_of(name).write(make(), DESCRIPTION, tmp_path)
    assert list(tmp_path.iterdir()) == []
