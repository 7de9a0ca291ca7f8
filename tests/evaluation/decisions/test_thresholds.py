import dataclasses

import numpy as np
import pytest
from drawn_predictions import drawn
from keraunos.core.errors import ConfigError
from keraunos.evaluation.decisions.class_groups import BinaryTask
from keraunos.evaluation.decisions.curves import curve_of
from keraunos.evaluation.decisions.thresholds import (
    Aim,
    as_aim,
    choose_threshold,
    measure_point,
)
from keraunos.evaluation.evidence import Evidence

DOG = BinaryTask("dog", (1,))


def curve(*scores, truth):
    return curve_of(np.array(list(truth)) == "+", np.array(scores))


@pytest.mark.parametrize("kind", ["sensitivity", "specificity"])
@pytest.mark.parametrize("value", [0.05, 0.7, 0.9, 0.95, 1.0])
def test_chosen_threshold_is_the_best_one_that_meets_the_target(kind, value):
    split = drawn(97, seed=0)
    truth, score = DOG.truth(split.labels), DOG.score(split.probabilities)
    chosen = choose_threshold(curve_of(truth, score), Aim(kind, value))
    sensitivity = {t: (score[truth] >= t).mean() for t in np.unique(score)}
    specificity = {t: (score[~truth] < t).mean() for t in np.unique(score)}
    if kind == "sensitivity":
        assert chosen == max(t for t, share in sensitivity.items() if share >= value)
    else:
        assert chosen == min(t for t, share in specificity.items() if share >= value)


def test_images_with_equal_scores_share_a_threshold():
    ties = curve(0.9, 0.5, 0.5, 0.5, 0.1, truth="+++--")
    assert choose_threshold(ties, Aim("sensitivity", 0.5)) == 0.5
    assert choose_threshold(ties, Aim("specificity", 0.6)) == 0.9


def test_rounding_does_not_require_an_extra_image():
    twenty = curve(*np.linspace(1, 0.05, 20), truth="+" * 20)
    for value in np.arange(0.05, 1.01, 0.05):
        threshold = choose_threshold(twenty, Aim("sensitivity", value))
        assert (twenty.thresholds >= threshold).sum() == round(20 * value), value


def test_unreachable_target_has_no_threshold():
    assert (
        choose_threshold(curve(0.9, 0.9, 0.1, truth="+--"), Aim("specificity", 1)) is None
    )


@pytest.mark.feature("operating points")
def test_threshold_is_chosen_on_validation_and_scored_on_test():
    evidence = Evidence(drawn(118, seed=1), validation=drawn(200, seed=2, skill=3))
    point = measure_point(DOG, Aim("sensitivity", 0.95), evidence)
    for split in ("validation", "test"):
        images = getattr(evidence, split)
        score = DOG.score(images.probabilities)[DOG.truth(images.labels)]
        found = score >= point.values["threshold"]
        assert point.values[split]["sensitivity"] == found.mean()
        assert point.values[split]["true_positives"] == found.sum()
    others = dataclasses.replace(evidence, test=drawn(60, seed=3))
    again = measure_point(DOG, Aim("sensitivity", 0.95), others)
    assert again.values["threshold"] == point.values["threshold"]
    assert again.values["validation"] == point.values["validation"]
    assert point.values["validation"]["sensitivity"] >= 0.95
    assert point.values["test"]["sensitivity"] < 0.8  # of a model with less skill there
    assert "below the 0.95 that was met on validation" in point.warnings[-1]


def test_conclusion_states_the_numbers_of_the_test_set():
    evidence = Evidence(drawn(118, seed=1), validation=drawn(200, seed=2))
    point = measure_point(DOG, Aim("sensitivity", 0.9), evidence)
    test, (low, high) = (
        point.values["test"],
        point.values["test"]["intervals"]["sensitivity"],
    )
    positives = int(DOG.truth(evidence.test.labels).sum())
    assert point.conclusions == [
        f"At the threshold {point.values['threshold']:.3g}, chosen on validation for a "
        f"sensitivity of 0.9, the model found {test['true_positives']} of {positives} dog "
        f"of the test set ({test['sensitivity']:.2f} [{low:.2f}, {high:.2f}]) and raised "
        f"a false alarm on {test['false_positives']} of {118 - positives} others."
    ]


def test_class_without_test_images_is_a_gap_instead_of_zero_out_of_zero():
    test = drawn(40, seed=1)
    without = dataclasses.replace(test, labels=test.labels * 0)
    point = measure_point(DOG, Aim("threshold", 0.5), Evidence(without))
    assert point.gaps == [
        "not measured: the sensitivity of dog at its threshold, because the test set has "
        "no images of dog; add some."
    ]
    alarms = point.values["test"]["false_positives"]
    assert point.conclusions[0].endswith(
        f"the model raised a false alarm on {alarms} of 40 others."
    )


def test_given_threshold_needs_no_validation_images():
    point = measure_point(DOG, Aim("threshold", 0.5), Evidence(drawn(40, seed=1)))
    assert point.values["chosen_on"] is None
    assert "At the threshold 0.5, given, the model found" in point.conclusions[0]


def test_threshold_that_cannot_be_chosen_is_a_gap_with_its_reason():
    test = drawn(40, seed=1)
    aim = Aim("sensitivity", 0.9)
    assert "has no validation images" in measure_point(DOG, aim, Evidence(test)).gaps[0]
    validation = drawn(40, seed=2)
    without = dataclasses.replace(validation, labels=validation.labels * 0)
    (gap,) = measure_point(DOG, aim, Evidence(test, without)).gaps
    assert gap == (
        "not measured: the threshold of dog for a sensitivity of 0.9, because there are no "
        "validation images of dog. Add some."
    )
    sure = dataclasses.replace(validation, probabilities=np.tile([[0, 1, 0.0]], (40, 1)))
    point = measure_point(DOG, Aim("specificity", 0.9), Evidence(test, sure))
    assert point.values is None
    assert "have the highest probability" in point.gaps[0]


def test_few_images_or_an_all_inclusive_threshold_raise_warnings():
    validation = drawn(40, seed=2)
    point = measure_point(DOG, Aim("sensitivity", 0.9), Evidence(drawn(40, 1), validation))
    assert (
        f"on only {(validation.labels == 1).sum()} validation images" in point.warnings[0]
    )
    flat = dataclasses.replace(
        validation, probabilities=np.full((40, 3), 1 / 3, np.float32)
    )
    point = measure_point(DOG, Aim("sensitivity", 0.9), Evidence(drawn(40, 1), flat))
    assert "every image is classified as dog" in point.warnings[1]


@pytest.mark.parametrize("given", [{}, {"sensitivity": 0.9, "threshold": 0.5}])
def test_operating_point_requires_exactly_one_target(given):
    with pytest.raises(ConfigError, match=r"operating_points\.dog"):
        as_aim("dog", given)
