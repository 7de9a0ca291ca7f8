"""Rows name their numbers, and other commands and libraries can read them."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keraunos.core.errors import CheckpointError, ConfigError
from keraunos.data.streams.image_names import ImageName
from keraunos.data.streams.read_stream import ReadImage
from keraunos.evaluation.predictions import read_predictions
from keraunos.export.portable.model import Model
from keraunos.prediction.predictor import NO_ANSWER, Predicted, Predictor
from keraunos.prediction.rows import CsvRows, JsonRows
from prediction_fakes import pixels_of
from serving_models import CLASSES, DOCUMENT, color_model, shares

NAMES = ["=1+1.png", "new\nline.png", "a,b'\".png", os.fsdecode(b"\xff.png"), "bad.png"]
CORRECTION = {
    "correction": {"kind": "vector", "scale": [0.5, 1.0, 2.0], "bias": [0.0, 0.3, -0.1]}
}


def predicted_by(predictor: Predictor) -> Predicted:
    read = [
        ReadImage(ImageName(name), (pixels_of(number),))
        for number, name in enumerate(NAMES, 7)
    ]
    read[-1] = ReadImage(read[-1].image, (), "it is damaged")
    return predictor.predict(read)


def write(tmp_path: Path, rows: CsvRows | JsonRows, predicted: Predicted) -> Path:
    (tmp_path / "rows").write_bytes(rows.head + rows.of(predicted))
    return tmp_path / "rows"


@pytest.mark.parametrize("document", [{}, CORRECTION])
def test_csv_rows_can_be_read_as_test_predictions(tmp_path: Path, document: Any) -> None:
    predictor = Predictor({"it": color_model(**document)})
    rows = CsvRows(predictor)
    file = write(tmp_path, rows, predicted_by(predictor))
    found = read_predictions(file)
    assert list(found.names) == NAMES[:-1]  # what has no prediction is left out
    assert tuple(found.class_names) == CLASSES
    wanted = shares(np.stack([pixels_of(number) for number in range(7, 11)]))
    np.testing.assert_allclose(found.probabilities, wanted, rtol=1e-6)
    assert list(rows.names_in(file)) == NAMES
    assert b"'=1+1.png" in file.read_bytes()
    assert ("corrected:red" in rows.columns) == bool(document)


def test_corrected_and_uncorrected_probabilities_are_distinguished(tmp_path: Path) -> None:
    predictor = Predictor({"it": color_model(**CORRECTION)})
    predicted = predicted_by(predictor)
    (line, *_) = JsonRows(predictor).of(predicted).decode().splitlines()
    row = json.loads(line)
    uncorrected = shares(pixels_of(7)[None])[0].astype(float)
    powers = uncorrected ** np.array([0.5, 1, 2]) * np.exp([0.0, 0.3, -0.1])
    corrected = powers / powers.sum()
    assert list(row["probabilities"].values()) == pytest.approx(corrected)
    assert list(row["uncorrected"].values()) == pytest.approx(uncorrected)
    assert row["class"] == CLASSES[int(corrected.argmax())]
    cells = CsvRows(predictor).of(predicted).decode("utf-8", "surrogateescape")
    numbers = [float(each) for each in cells.splitlines()[0].split(",")[2:8]]
    assert numbers == pytest.approx([*uncorrected, *corrected])


def test_json_rows_hold_any_file_name_in_plain_ascii(tmp_path: Path) -> None:
    predictor = Predictor({"it": color_model()})
    rows = JsonRows(predictor)
    file = write(tmp_path, rows, predicted_by(predictor))
    lines = [json.loads(line) for line in file.read_text("ascii").splitlines()]
    assert [line["file"] for line in lines] == [*NAMES[:3], "\ufffd.png", "bad.png"]
    assert lines[3]["file_base64"] == "/y5wbmc="
    assert lines[-1] == {"file": "bad.png", "error": "it is damaged"}
    assert {"class", "prediction_set", "operating_points"} <= set(lines[0])
    assert list(rows.names_in(file)) == NAMES
    file.write_text('{"no": "file"}\n')
    with pytest.raises(CheckpointError, match="line=1"):
        list(rows.names_in(file))


def test_nan_outputs_are_reported_as_no_prediction() -> None:
    def outputs(images: Any) -> Any:
        found = shares(images)
        found[1::2] = np.nan
        return found

    predictor = Predictor({"it": Model(DOCUMENT, outputs)})
    read = [ReadImage(ImageName(f"{n}.png"), (pixels_of(n),)) for n in range(5)]
    read[2] = ReadImage(read[2].image, (), "it is damaged")
    predicted = predictor.predict(read)
    problems = [each.problem for each in predicted.images]
    assert problems == ["", NO_ANSWER, "it is damaged", "", NO_ANSWER]
    lines = [json.loads(x) for x in JsonRows(predictor).of(predicted).splitlines()]
    wanted = shares(pixels_of(3)[None])[0]
    assert list(lines[3]["probabilities"].values()) == pytest.approx(wanted)


def test_models_with_different_classes_cannot_form_an_ensemble() -> None:
    other = color_model(classes=["green", "red", "blue"])
    with pytest.raises(ConfigError, match="in the same order"):
        Predictor({"one": color_model(), "two": other})
