"""Int8 exports of a network that classifies noise by its redness."""

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import contents
from keraunos import ConfigError
from keraunos.data import ImageData
from keraunos.export import write_export
from keraunos.export.compared_images import choose_images
from keraunos.export.description import Description
from keraunos.export.export_model import Exporter, ExportResult
from keraunos.export.formats.registry import format_of
from keraunos.export.portable.model import Model
from keraunos.export.quantization.calibration_images import (
    CalibrationImages,
    choose_calibration_images,
)
from keraunos.export.quantization.int8_export import export_int8
from PIL import Image

SIZE = 32
NEEDED = {"litert": "ai_edge_quantizer", "openvino": "nncf"}  # from the extra int8


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> ImageData:
    folder = tmp_path_factory.mktemp("red")
    draw_red_images(folder / "train", 10)
    draw_red_images(folder / "test", 3)
    return ImageData.from_folder(
        folder / "train", test=str(folder / "test"), image_size=SIZE, batch_size=7
    )


def draw_red_images(folder: Path, count: int) -> None:
    """Noise whose red and green increase from class to class, with constant blue."""
    random = np.random.default_rng(count)
    for place, name in enumerate(("dark", "medium", "red")):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 60, (40, 40, 3), dtype=np.uint8)
            pixels[..., :2] += np.uint8(60 * place)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


@pytest.fixture(scope="module")
def exporter(data) -> Exporter:
    description = Description("small", data.class_names, SIZE)
    return Exporter([redness_network()], description, choose_images(data))


def redness_network() -> keras.Model:
    """A classifier of redness that gives less weight to green and blue."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 8, 8, use_bias=False, name="cells"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, "softmax", name="head"),
        ]
    )
    colors = np.full((8, 8, 3, 4), 0.1 / 64, np.float32)
    colors[:, :, range(3), range(3)] = 0.8 / 64
    model.get_layer("cells").set_weights([colors])
    share = np.array([0.6, 0.3, 0.1, 0.0])[:, None]
    slopes, biases = [[-40.0, 0.0, 40.0]], [9.4, 0.0, -18.8]
    model.get_layer("head").set_weights([share * slopes, np.array(biases)])
    return model


Export = Callable[..., ExportResult]


@pytest.fixture
def export(exporter, data, tmp_path) -> Export:
    """Returns a function that exports in int8 to `out`, with valid defaults."""

    def run(format="onnx", calibration=None, write=None, **options) -> ExportResult:
        wanted = format_of(format)
        return export_int8(
            exporter,
            wanted if write is None else replace(wanted, write=write),
            tmp_path / "out",
            calibration or choose_calibration_images(data.train),
            latency_seconds=0.02,
            **options,
        )

    return run


@pytest.mark.parametrize(
    "format",
    [
        pytest.param("onnx", marks=pytest.mark.slow),
        pytest.param("litert", marks=pytest.mark.nightly),
        pytest.param("openvino", marks=pytest.mark.nightly),
    ],
)
@pytest.mark.feature("int8 export")
def test_int8_export_works_standalone_and_records_its_measurements(
    export, exporter, data, tmp_path, format
):
    if format in NEEDED and find_spec(NEEDED[format]) is None:  # imports nothing
        pytest.skip(f"{NEEDED[format]} is not installed")
    result = export(format)
    parity = json.loads((tmp_path / "out" / "parity.json").read_text())
    found = parity["int8"]
    assert found == json.loads(json.dumps(result.int8))
    assert found["calibration"] == {"split": "train", "images": 24, "of": 24, "seed": 0}
    assert (found["split"], found["images"], found["max_loss"]) == ("test", 9, 0.02)
    assert found["scores"]["balanced_accuracy"]["float32"]["value"] == 1.0
    assert found["scores"]["balanced_accuracy"]["loss"]["value"] == 0.0
    assert found["agreement"] == 1.0
    assert min(found["bytes"].values()) > 0
    assert min(found["latency"]["p50_ms"].values()) > 0
    model = Model.open(tmp_path / "out")
    images = data.test.images(np.arange(9))
    answers = model.answers(images).probabilities
    assert 0 < np.abs(answers - exporter.predict(images)).max() < 0.2
    assert model.answers(images[4:5]).probabilities == pytest.approx(answers[4:5], abs=0.01)


@pytest.mark.slow
def test_accuracy_loss_above_the_limit_leaves_no_files(export, tmp_path):
    """Ranges calibrated on black images don't cover red ones."""
    black = CalibrationImages(np.zeros((4, SIZE, SIZE, 3), np.uint8), 4, 0)
    with pytest.raises(ConfigError, match=r"at most 0\.02 of balanced accuracy"):
        export(calibration=black)
    assert contents(tmp_path) == {}


@pytest.mark.nightly
def test_int8_model_with_wrong_predictions_is_rejected(export, tmp_path):
    def swap_colors(model, description, directory):
        inputs = keras.Input((SIZE, SIZE, 3))
        swapped = keras.Model(inputs, model(keras.ops.flip(inputs, axis=-1)))
        format_of("onnx").write(swapped, description, directory)

    with pytest.raises(ConfigError, match="must equal those of the original"):
        export(write=swap_colors, max_loss=1.0)
    assert contents(tmp_path) == {}


@pytest.mark.nightly
def test_int8_export_with_a_broken_decoder_is_rejected(export, tmp_path, monkeypatch):
    original = write_export.write_portable_files

    def write_broken(directory: Path, *arguments) -> None:
        original(directory, *arguments)
        decoder = directory / "runtime" / "data" / "files" / "decode.py"
        text = decoder.read_text()
        head, name = "\ndef decode(", "\ndef _decode_rightly("
        assert head in text
        broken = "\n\ndef decode(*args):\n    return _decode_rightly(*args)[..., ::-1]\n"
        decoder.write_text(text.replace(head, name) + broken)

    monkeypatch.setattr(write_export, "write_portable_files", write_broken)
    with pytest.raises(ConfigError, match=r"The `predict\.py` of an export must predict"):
        export(max_loss=1.0)
    assert contents(tmp_path) == {}
