"""Wording of an answer: one class, or several possible ones."""

import numpy as np
import pytest
from keraunos.export.portable.answers import Answers, describe
from keraunos.export.portable.document import parse_document
from keraunos.serving.page.view import answer_view, model_view
from keraunos.serving.page.words import percent
from serving_models import DOCUMENT

SETS = {
    "coverage": 0.9,
    "thresholds": {"red": 0.3, "green": 0.3, "blue": 0.3},
}
NONE = {
    "prediction_sets": None,
    "operating_points": {},
    "groups": {},
    "abstention": None,
    "warnings": [],
}


def shown(uncorrected, corrected=None, correction=None, **decisions):
    """Returns what the page shows for an image with these probabilities."""
    content = DOCUMENT | {"decisions": NONE | decisions, "correction": correction}
    document = parse_document(content)
    answers = Answers(np.array([corrected or uncorrected]), np.array([uncorrected]))
    return answer_view(describe(answers, document)[0], document)


def test_single_likely_class_is_the_answer():
    found = shown([0.8, 0.15, 0.05], prediction_sets=SETS)
    assert (found["is_sure"], found["verdict"]) == (True, "red")
    assert found["why"].startswith("Only this class is likely enough.")
    assert "90%" in found["why"]


@pytest.mark.parametrize(
    ("probabilities", "why"),
    [
        ([0.5, 0.45, 0.05], "It may be red or green."),
        ([0.3, 0.3, 0.4], "It may be any of the 3 classes."),
    ],
)
def test_several_likely_classes_give_no_single_answer(probabilities, why):
    found = shown(probabilities, prediction_sets=SETS)
    assert (found["is_sure"], found["verdict"]) == (False, "Can't tell")
    assert found["why"].startswith(why)


def test_no_likely_class_gives_no_answer():
    high = SETS | {"thresholds": {"red": 0.9, "green": 0.9, "blue": 0.9}}
    found = shown([0.6, 0.2, 0.2], prediction_sets=high)
    assert found["is_sure"] is False
    assert "No class is likely enough" in found["why"]


def test_prediction_set_without_the_top_class_gives_no_answer():
    uneven = SETS | {"thresholds": {"red": 0.7, "green": 0.3, "blue": 0.3}}
    found = shown([0.6, 0.35, 0.05], prediction_sets=uneven)
    assert found["is_sure"] is False
    assert "The most probable class is red, but only green" in found["why"]


def test_answer_below_the_abstention_threshold_is_withheld():
    decisions = {"prediction_sets": SETS, "abstention": {"threshold": 0.9}}
    assert shown([0.8, 0.15, 0.05], **decisions)["is_sure"] is False
    assert shown([0.95, 0.03, 0.02], **decisions)["is_sure"] is True


def test_model_without_prediction_sets_answers_with_a_warning():
    found = shown([0.4, 0.35, 0.25])
    assert (found["is_sure"], found["verdict"]) == (None, "red")
    assert "No threshold for abstention" in found["why"]


def test_prediction_sets_use_raw_and_percentages_calibrated_probabilities():
    scaling = {"kind": "temperature", "temperature": 0.5}
    found = shown([0.55, 0.4, 0.05], [0.9, 0.09, 0.01], scaling, prediction_sets=SETS)
    assert found["why"].startswith("It may be red or green.")
    assert found["classes"][0]["percent"] == "90.0%"


def test_thresholds_and_groups_are_described_in_words():
    found = shown(
        [0.5, 0.2, 0.3],
        operating_points={
            "warm": {"classes": ["red", "green"], "threshold": 0.6},
            "blue": {"classes": ["blue"], "threshold": 0.4},
        },
        groups={"warm": ["red", "green"], "cold": ["green", "blue"]},
    )
    assert found["thresholds"] == [
        {
            "text": "warm: reaches its threshold",
            "detail": "red, green together. Probability 0.7, threshold 0.6.",
            "is_reached": True,
        },
        {
            "text": "blue: below its threshold",
            "detail": "Probability 0.3, threshold 0.4.",
            "is_reached": False,
        },
        {"text": "cold: 50.0%", "detail": "green, blue together.", "is_reached": None},
    ]


def test_all_likely_classes_are_shown():
    names = [f"class {n}" for n in range(9)]
    sets = {"coverage": 0.9, "thresholds": dict.fromkeys(names, 0.1)}
    content = {"classes": names, "decisions": NONE | {"prediction_sets": sets}}
    document = parse_document(DOCUMENT | content)
    probabilities = np.array([[0.01, 0.12, 0.12, 0.12, 0.12, 0.12, 0.12, 0.12, 0.15]])
    found = answer_view(
        describe(Answers(probabilities, probabilities), document)[0], document
    )
    assert [each["name"] for each in found["classes"]] == [names[8], *names[1:8]]
    assert found["order"] == [8, *range(1, 8), 0]


def test_control_characters_in_names_are_escaped():
    names = ["red\u202e", "green\n", "blue"]
    plain = ["red\\u202e", "green\\n", "blue"]
    document = parse_document(DOCUMENT | {"classes": names, "name": "a\x1b"})
    described = model_view(document, 5, "")
    assert described["classes"] == plain
    assert described["name"] == "a\\x1b"
    probabilities = np.array([[0.6, 0.3, 0.1]])
    answers = Answers(probabilities, probabilities)
    found = answer_view(describe(answers, document)[0], document)
    assert found["verdict"] == plain[0]
    assert [each["name"] for each in found["classes"]] == plain


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.9994, "> 99.9%"), (1.0, "> 99.9%"), (0.999, "99.9%"), (0.0, "< 0.1%")],
)
def test_percentages_never_show_certainty(probability, text):
    assert percent(probability) == text
