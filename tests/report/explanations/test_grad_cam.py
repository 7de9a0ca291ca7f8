"""The Grad-CAM part of an evaluation: panels, checks, warnings and gaps."""

import keras
import numpy as np
import pytest
from helpers import weights_of
from keraunos.core.errors import ConfigError
from keraunos.evaluation.evidence import Evidence, as_labeled
from keraunos.evaluation.predictions import Predictions
from keraunos.report.explanations.grad_cam import GradCam
from keraunos.report.explanations.heat_maps import TILE
from patches import COLORS, patch_model, patch_subject

layers = keras.layers


@pytest.fixture(scope="module")
def task():
    made = patch_subject(patch_model(1))
    made.weights = weights_of(made.subject.model)
    return made


@pytest.fixture(scope="module")
def finding(task):
    return GradCam(must_not_miss=["green"]).explain(mistaken(task), task.subject)


def mistaken(task) -> Evidence:
    """The evidence of a model that predicts red for two green images and a blue one.

    One of the green images has changed since it was scored.
    """
    test = task.evidence.test
    labels = test.labels.copy()
    reds = np.flatnonzero(labels == 0)
    labels[reds[[1, 3]]], labels[reds[5]] = 1, 2
    probabilities = test.probabilities.copy()
    probabilities[reds[3]] = [0.4, 0.3, 0.3]
    predictions = Predictions(test.names, probabilities, COLORS, labels)
    return Evidence(as_labeled(predictions))


def brightest_cell(pixels: np.ndarray, number: int) -> tuple[int, int]:
    """The cell of an 8 by 8 grid that is most yellow in the map of that number."""
    start = number * (TILE + 4)
    shown = pixels[:, start : start + TILE].astype(int)
    yellow = shown[..., 0] - shown[..., 2]
    cells = yellow.reshape(8, TILE // 8, 8, TILE // 8).mean(axis=(1, 3))
    return tuple(map(int, np.unravel_index(cells.argmax(), (8, 8))))


@pytest.mark.slow
def test_panels_show_the_maps_of_the_predicted_and_the_true_class(task, finding):
    for panel in finding.panels:
        predicted, true = 0, {1: 1, 2: 2}.get(int(mistaken(task).test.labels[panel.row]))
        if "right" not in panel.heading:
            assert brightest_cell(panel.pixels, 1) == tuple(
                task.places[panel.row, predicted]
            )
            assert brightest_cell(panel.pixels, 2) == tuple(task.places[panel.row, true])
            assert panel.caption[3:] == [f"map 1: {COLORS[0]}", f"map 2: {COLORS[true]}"]
        else:
            label = task.evidence.test.labels[panel.row]
            assert brightest_cell(panel.pixels, 1) == tuple(task.places[panel.row, label])
            assert len(panel.caption) == 4


@pytest.mark.feature("every missed image")
def test_every_missed_image_is_shown_and_listed(finding):
    headings = [panel.heading for panel in finding.panels]
    assert headings[:2] == ["green: all 2 that were missed"] * 2
    assert headings.count("blue: misclassified") == 1
    assert headings.count("red: right") == 3
    assert "green: 2 of 10 images were missed." in finding.conclusions
    names = [f"photos/red/{panel.row}.png" for panel in finding.panels[:2]]
    assert finding.values["missed"] == {"green": names}
    (table,) = finding.tables
    assert [row[:3] for row in table.rows] == [(name, "green", "red") for name in names]


def test_values_record_the_method_and_its_sanity_checks(finding):
    values = finding.values
    assert values["layer"] == "level0/colors"
    assert values["gradient_of"] == "score before softmax"
    assert values["cells"] == [8, 8]
    assert values["images"] == len(finding.panels) == 12
    assert len(values["head_check"]["correlations"]) == 24
    assert values["head_check"]["passed"]
    assert "The maps depend on what the head has learned" in finding.conclusions[-1]
    assert "The maps have a rank correlation" in finding.conclusions[-2]
    assert len(values["agreement_with_other_method"]["correlations"]) == 12
    assert not finding.gaps


def test_model_weights_are_unchanged(task, finding):
    assert finding.values["head_check"]["images"] == 24
    assert all(map(np.array_equal, weights_of(task.subject.model), task.weights))


def test_missing_images_are_named_and_the_others_shown(task, finding):
    gone = finding.panels[0].row
    task.split.gone = {gone}
    try:
        part = GradCam(None, must_not_miss=["green"])
        found = part.explain(mistaken(task), task.subject)
    finally:
        task.split.gone = set()
    assert [panel.row for panel in found.panels] == [
        panel.row for panel in finding.panels if panel.row != gone
    ]
    assert f"photos/red/{gone}.png" in found.gaps[0]


@pytest.mark.slow
def test_images_changed_since_scoring_raise_a_warning(finding):
    assert len(finding.warnings) == 1
    assert (
        "For 1 image, the model now returns different probabilities" in finding.warnings[0]
    )
    assert "photos/red/9.png" in finding.warnings[0]


def test_model_without_maps_is_a_gap_and_images_are_still_shown(task):
    flat = keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten()])
    subject = type(task.subject)(flat, task.split, None)
    found = GradCam(must_not_miss=["green"]).explain(mistaken(task), subject)
    assert "no layer of the model has spatial outputs" in found.gaps[0]
    assert len(found.panels) == 12
    assert found.panels[0].pixels.shape == (TILE, TILE, 3)


def test_unknown_classes_methods_and_layers_are_rejected(task):
    with pytest.raises(ConfigError, match=r"must_not_miss.*Did you mean green"):
        GradCam(must_not_miss=["gren"]).explain(task.evidence, task.subject)
    with pytest.raises(ConfigError, match=r"Did you mean grad_cam\?"):
        GradCam("gradcam")
    with pytest.raises(ConfigError, match=r"layer='convolution'"):
        GradCam(layer="convolution").explain(task.evidence, task.subject)


def test_critical_class_without_test_images_is_reported_as_a_gap(task):
    test = task.evidence.test
    names = [*COLORS, "gray"]
    outputs = np.pad(test.probabilities, ((0, 0), (0, 1)))
    evidence = Evidence(as_labeled(Predictions(test.names, outputs, names, test.labels)))
    found = GradCam(None, must_not_miss=["gray"]).explain(evidence, task.subject)
    assert "not measured: missed images of gray" in found.gaps[0]
