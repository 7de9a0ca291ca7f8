import json

import numpy as np
import pytest
from keraunos.core.errors import ConfigError, DataError
from keraunos.evaluation.calibration.scaling import Correction, fit_correction
from scipy import optimize
from scipy.special import softmax
from simulated import drawn_from, simulated
from sklearn.metrics import log_loss

NAMES = "abcd"


def fit(kind, split):
    return fit_correction(kind, split.labels, split.probabilities, split.class_names)


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 3.0])
def test_known_temperature_is_recovered(sharpness):
    split = simulated(4001, sharpness=sharpness)
    assert fit("temperature", split).temperature == pytest.approx(sharpness, rel=0.06)


def test_fitted_temperature_minimizes_log_loss():
    split = simulated(203, sharpness=2.5)

    def loss(temperature):
        scores = np.log(split.probabilities.astype(float)) / temperature
        return log_loss(split.labels, softmax(scores, axis=1))

    best = optimize.minimize_scalar(loss, bounds=(0.1, 10), method="bounded").x
    assert fit("temperature", split).temperature == pytest.approx(best, rel=1e-4)


@pytest.mark.parametrize("kind", ["temperature", "vector"])
def test_zero_probabilities_of_true_classes_are_corrected_to_finite_values(kind):
    rows = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0, 1, 2, 3]]
    labels = np.array([0, 1, 2, 3, 0, 1, 2, 0])
    correction = fit_correction(kind, labels, rows, NAMES)
    corrected = correction.apply(rows)
    assert np.isfinite(np.log(corrected)).all()
    assert log_loss(labels, corrected) < log_loss(labels, rows)


@pytest.mark.parametrize("temperature", [0.01, 0.3, 7.0, 100.0])
def test_temperature_never_changes_the_most_probable_class(temperature):
    split = simulated(211, sharpness=4)
    near = np.full((3, 4), 0.25, np.float32)
    near[0, 2] = np.nextafter(np.float32(0.25), np.float32(1))
    near[1, :2] = [0.0, 0.5]  # a zero, and ties
    rows = np.concatenate([split.probabilities, near, np.eye(4, dtype=np.float32)])
    corrected = Correction("temperature", temperature).apply(rows)
    assert corrected.argmax(axis=1).tolist() == rows.argmax(axis=1).tolist()
    assert np.isfinite(corrected).all()
    assert corrected.sum(axis=1) == pytest.approx(np.ones(len(rows)))


def test_vector_scaling_corrects_errors_that_a_temperature_cannot():
    rows = simulated(3001).probabilities
    true = Correction("vector", None, (1.0, 2.0, 1.0, 0.5), (0.0, 0.0, 1.0, 0.0))
    labels = drawn_from(true.apply(rows))
    found = fit_correction("vector", labels, rows, NAMES)
    assert found.scale == pytest.approx(true.scale, abs=0.25)
    ideal = log_loss(labels, true.apply(rows))
    assert log_loss(labels, found.apply(rows)) <= ideal
    single = fit_correction("temperature", labels, rows, NAMES)
    assert log_loss(labels, single.apply(rows)) > ideal + 0.05


def test_vector_scaling_on_few_images_stays_moderate():
    few = simulated(12, classes=3, sharpness=3, seed=3)
    corrected = fit("vector", few)
    assert len(np.unique(few.labels)) == 3
    assert np.abs(corrected.bias).max() < 3
    assert min(corrected.scale) > 0


def test_vector_scaling_requires_validation_images_of_every_class():
    split = simulated(60)
    some = split.labels != 2
    with pytest.raises(DataError, match=r"every class.*\['c'\].*scaling=temperature"):
        fit_correction("vector", split.labels[some], split.probabilities[some], NAMES)


@pytest.mark.parametrize("kind", ["temperature", "vector"])
@pytest.mark.parametrize(
    "labels", [[0, 1, 2, 3], [1, 0, 3, 2]], ids=["all right", "all wrong"]
)
def test_images_that_do_not_determine_a_temperature_are_rejected(kind, labels):
    rows = 0.1 + 0.6 * np.eye(4)
    with pytest.raises(DataError, match="best temperature must be between"):
        fit_correction(kind, np.array(labels), rows, NAMES)


@pytest.mark.parametrize(
    "correction",
    [Correction("temperature", 1.7), Correction("vector", None, (1.0, 0.5), (0.0, -2.0))],
)
def test_correction_survives_json(correction):
    text = json.dumps(correction.as_json() | {"classes": ["a", "b"]})
    assert Correction.from_json(json.loads(text)) == correction


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "temperature"},
        {"kind": "temperature", "temperature": 0},
        {"kind": "temperature", "temperature": -1.0},
        {"kind": "temperature", "temperature": float("nan")},
        {"kind": "temperature", "temperature": "2"},
        {"kind": "temperature", "temperature": True},
        {"kind": "temperature", "temperature": 10**400},
        {"kind": "temperature", "temperature": 2.0, "scale": [1.0, 1.0]},
        {"kind": "vector", "scale": [1.0, 1.0], "bias": [0.0]},
        {"kind": "vector", "scale": [1.0, -1.0], "bias": [0.0, 0.0]},
        {"kind": "vector", "scale": [1.0, 1.0], "bias": [0.0, float("inf")]},
        {"kind": "vector", "scale": "ab", "bias": "cd"},
        {"kind": "matrix", "temperature": 1.0},
        {"kind": ["temperature"], "temperature": 1.0},
    ],
)
def test_invalid_correction_documents_are_rejected(document):
    with pytest.raises(ConfigError, match="A correction must have"):
        Correction.from_json(document)


def test_correction_for_another_number_of_classes_is_rejected():
    with pytest.raises(ConfigError, match="for 2 classes"):
        Correction("vector", None, (1.0, 1.0), (0.0, 0.0)).apply(np.ones((1, 3)) / 3)
