"""The mean of several classifiers, for the same images and classes only."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from keraunos.core.errors import ConfigError, DataError
from keraunos.evaluation import Predictions
from keraunos.evaluation.comparisons.ensemble import MeanPredictions, average_predictions
from keraunos.evaluation.comparisons.matching import KnownImages

CLASSES = ("cat", "dog", "emu")
FILES = ("a.png", "b.png", "c.png", "d.png")
LABELS = np.array([0, 1, 2, 0], np.int32)


def predictions_of(seed: int, order: Any = (0, 1, 2, 3), **changed: Any) -> Predictions:
    """Random distributions, a row for each file, in some order of the files."""
    rows = np.random.default_rng(seed).dirichlet(np.ones(3), 4).astype(np.float32)
    order = list(order)
    values: dict[str, Any] = {
        "names": [FILES[place] for place in order],
        "probabilities": rows[order],
        "class_names": CLASSES,
        "labels": LABELS[order],
    }
    return Predictions(**{**values, **changed})


def average(*members: Predictions) -> Predictions:
    return average_predictions((f"run-{n}", each) for n, each in enumerate(members))


def test_probabilities_are_averaged_in_the_order_of_the_first_member() -> None:
    mean = average(
        predictions_of(0, order=(2, 0, 3, 1)),
        predictions_of(1),
        predictions_of(2, order=(3, 2, 1, 0)),
    )
    rows = np.mean([predictions_of(seed).probabilities for seed in (0, 1, 2)], axis=0)
    assert mean.probabilities == pytest.approx(rows[[2, 0, 3, 1]], abs=1e-7)
    assert mean.probabilities.dtype == np.float32
    assert mean.names == ["c.png", "a.png", "d.png", "b.png"]
    assert mean.labels.tolist() == [2, 0, 0, 1]


def test_order_of_members_does_not_matter() -> None:
    first = average(predictions_of(0), predictions_of(1), predictions_of(2)).probabilities
    second = average(predictions_of(2), predictions_of(0), predictions_of(1)).probabilities
    assert first == pytest.approx(second, abs=1e-7)


def test_single_member_is_returned_unchanged() -> None:
    logits = predictions_of(0, probabilities=np.full((4, 3), 7.0, np.float32))
    assert average(logits) is logits


def test_duplicate_file_names_are_matched_in_order() -> None:
    twice = {"names": ["b", "a", "b"], "labels": None}
    rows = np.eye(3, dtype=np.float32)
    first = predictions_of(0, probabilities=rows, **twice)
    other = predictions_of(
        0, probabilities=rows[[1, 0, 2]], **{**twice, "names": ["a", "b", "b"]}
    )
    assert average(first, other).probabilities.tolist() == rows.tolist()


def test_members_predict_one_at_a_time() -> None:
    asked = []

    def members() -> Iterator[tuple[str, Predictions]]:
        for seed in (0, 1):
            asked.append(seed)
            yield f"{seed}", predictions_of(seed)
            assert asked == list(range(seed + 1))

    average_predictions(members())
    assert asked == [0, 1]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"class_names": ("cat", "emu", "dog")}, ["same order", "cat, dog, emu and cat,"]),
        ({"class_names": ("cat", "dog", "fox")}, ["no others", "run-0, run-1"]),
        (
            {"names": [*FILES[:3], "z.png"]},
            ["1 images of run-0 only: d.png", "run-1 only: z.png"],
        ),
        (
            {"names": [*FILES[:3], "a.png"]},
            ["1 images of run-0 only: d.png", "run-1 only: a.png"],
        ),
        ({"labels": LABELS[[0, 1, 2, 2]]}, ["same labels", "1 images differ: d.png"]),
    ],
)
def test_different_classes_images_or_labels_are_rejected(
    changed: Any, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        average(predictions_of(0), predictions_of(1, **changed))
    assert all(word in str(caught.value) for word in words)


def test_long_lists_of_different_images_are_truncated() -> None:
    names = [f"{number}.png" for number in range(4)]
    with pytest.raises(ConfigError, match=r"run-1 only: 0\.png, 1\.png, 2\.png and 1"):
        average(predictions_of(0), predictions_of(1, names=names))


def test_different_images_raise_before_prediction() -> None:
    mean = MeanPredictions()
    mean.add("one", predictions_of(0))
    with pytest.raises(ConfigError, match="same images"):
        mean.rows_of(KnownImages.of("two", predictions_of(1, names=["z.png", *FILES[1:]])))


def test_images_are_matched_by_content_if_digests_are_known() -> None:
    def known(predictions: Predictions, digests: str) -> Any:
        return KnownImages("", predictions.names, CLASSES, predictions.labels, digests)

    first, moved = (
        predictions_of(0),
        predictions_of(1, order=(2, 0, 3, 1), names=list("wxyz")),
    )
    mean = MeanPredictions()
    mean.add("one", first, known(first, "0123"))
    rows = mean.add("two", moved, known(moved, "2031"))
    assert rows.names == first.names
    assert rows.probabilities.tolist() == predictions_of(1).probabilities.tolist()
    with pytest.raises(ConfigError, match="1 images have the same name but different"):
        mean.add("three", predictions_of(1), known(predictions_of(1), "012f"))
    assert mean.predictions.probabilities == pytest.approx(
        (first.probabilities + rows.probabilities) / 2
    )


def test_outputs_that_are_not_probabilities_are_rejected() -> None:
    logits = predictions_of(1, probabilities=np.full((4, 3), 7.0, np.float32))
    for members in ((predictions_of(0), logits), (logits, predictions_of(0))):
        with pytest.raises(DataError, match="probabilities of two"):
            average(*members)
