import numpy as np
import pytest
from keraunos.core.errors import DataError
from keraunos.evaluation import Predictions
from keraunos.trainer.loop.evaluation import score_predictions


@pytest.mark.parametrize("shape", [(4, 1), (4, 3), (4,)])
def test_a_model_without_an_output_for_each_class_is_refused(shape):
    labels = np.array([0, 1, 1, 0], np.int32)
    outputs = np.full(shape, 0.5, np.float32)
    predictions = Predictions(list("abcd"), outputs, ["cat", "dog"], labels)
    with pytest.raises(DataError, match="one output for each of its 2 classes"):
        score_predictions(None, predictions)


def test_a_model_whose_outputs_are_not_finite_is_refused():
    labels = np.array([0, 1], np.int32)
    outputs = np.array([[0.5, 0.5], [np.nan, np.nan]], np.float32)
    predictions = Predictions(["a", "b"], outputs, ["cat", "dog"], labels)
    with pytest.raises(DataError, match=r"must be finite.*without_finite_outputs=1"):
        score_predictions(None, predictions)
