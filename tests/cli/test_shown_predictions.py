"""The terminal shows the same predictions as the JSON lines."""

import json
from typing import Any

from keraunos.cli.shown_predictions import ShownPredictions
from keraunos.data.streams.image_names import ImageName
from keraunos.data.streams.read_stream import ReadImage
from keraunos.prediction.predictor import Predictor
from keraunos.prediction.rows import JsonRows
from prediction_fakes import pixels_of
from serving_models import color_model

SWAPPED = {"kind": "vector", "scale": [1.0, 1.0, 1.0], "bias": [0.0, 9.0, 0.0]}


def test_screen_shows_the_same_corrected_prediction_as_json_lines(capfd: Any) -> None:
    predictor = Predictor({"it": color_model(correction=SWAPPED)})
    image = ReadImage(ImageName("a.png"), (pixels_of(7),))
    predicted = predictor.predict([image])
    assert (
        predicted.answers.probabilities.argmax() != predicted.answers.uncorrected.argmax()
    )
    line = json.loads(JsonRows(predictor).of(predicted))
    shown = ShownPredictions(predictor.document)
    shown.add(predicted)
    shown.show(1)
    out = capfd.readouterr().out
    assert line["class"] in out
    assert "corrected probability" in out
    assert f"{line['probability']:.3f}" in out
