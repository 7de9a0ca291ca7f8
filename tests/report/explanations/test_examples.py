"""What is shown: the most confident first, everything that must not be missed, and no more
than a report holds."""

import numpy as np
from keraunos.evaluation.evidence import Labeled, as_labeled
from keraunos.evaluation.predictions import Predictions
from keraunos.report.explanations.examples import (
    MOST_EXAMPLES,
    MOST_MISSED,
    choose_examples,
    spread_over_classes,
)


def predicted(labels: list[int], answers: list[int], sure: list[float]) -> Labeled:
    classes = max(*labels, *answers) + 1
    rest = (1 - np.array(sure)) / (classes - 1)
    outputs = np.repeat(rest[:, None], classes, axis=1).astype("float32")
    outputs[np.arange(len(sure)), answers] = sure
    names = [f"{row}.png" for row in range(len(labels))]
    class_names = [f"class {label}" for label in range(classes)]
    return as_labeled(Predictions(names, outputs, class_names, np.array(labels, "int32")))


TEST = predicted(
    [0, 0, 0, 0, 0, 1, 1, 1, 1],
    [0, 0, 0, 1, 1, 1, 0, 0, 0],
    [0.7, 0.9, 0.8, 0.6, 0.7, 0.9, 0.8, 0.8, 0.9],
)


def rows_by_heading(found) -> dict[str, list[int]]:
    headings: dict[str, list[int]] = {}
    for row, heading in found.shown:
        headings.setdefault(heading, []).append(row)
    return headings


def test_most_confident_images_of_each_class_are_shown_first():
    assert rows_by_heading(choose_examples(TEST, 2)) == {
        "class 0: right": [1, 2],
        "class 0: misclassified": [4, 3],
        "class 1: right": [5],
        "class 1: misclassified": [8, 6],  # 6 before 7, as sure as each other
    }


def test_all_missed_images_of_critical_classes_are_shown_once():
    found = choose_examples(TEST, 1, must_not_miss=[1])
    assert rows_by_heading(found) == {
        "class 1: all 3 that were missed": [8, 6, 7],
        "class 0: right": [1],
        "class 0: misclassified": [4],
        "class 1: right": [5],
    }
    assert found.missed[1].tolist() == [8, 6, 7]


def test_each_class_gets_its_first_examples_up_to_the_limit():
    count = 150
    labels = [label for label in range(count) for _ in range(3)]
    answers = [label + (row % 3 == 2) for row, label in enumerate(labels)]
    found = choose_examples(predicted(labels, answers, [0.9] * len(labels)), 3)
    assert (found.wanted, found.taken) == (3 * count, MOST_EXAMPLES)
    assert len(found.shown) == MOST_EXAMPLES
    assert found.shown[0].row == 0


def test_all_missed_images_are_listed_but_only_the_first_are_shown():
    count = MOST_MISSED + 7
    found = choose_examples(predicted([0] * count, [1] * count, [0.8] * count), 2, [0])
    assert len(found.missed[0]) == count
    assert [row for row, _ in found.shown] == list(range(MOST_MISSED))


def test_sample_is_stratified_by_class_in_any_order():
    labels = np.random.default_rng(0).permutation([0] * 600 + [2] * 300 + [5] * 2)
    rows = spread_over_classes(labels, 90)
    counts = np.bincount(labels[rows])
    assert counts.tolist() == [60, 0, 29, 0, 0, 1] or abs(counts[0] - 60) <= 1
    assert counts[5] == 1
    assert len(set(rows.tolist())) == 90
    assert (np.diff(rows) > 0).all()
    assert spread_over_classes(labels, 90, seed=1).tolist() != rows.tolist()
    assert spread_over_classes(labels, 2000).tolist() == list(range(902))
