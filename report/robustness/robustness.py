"""Evaluates the robustness of a model to corrupted images."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...evaluation.evidence import Evidence, Labeled
from ...evaluation.finding import Finding, Panel
from ...evaluation.statistics.intervals import Interval
from ..explanations.examples import spread_over_classes
from ..explanations.heat_maps import side_by_side, tile
from ..explanations.readable_images import ReadableImages
from ..subject import Subject
from .corruptions import CORRUPTIONS, STRENGTHS, corrupt
from .figure import robustness_figure
from .scores import CLEAN, VERSIONS, Scores, as_table, as_values, scores_of

TITLE = "Robustness"
EXPLANATION = (
    "Scores of test images with blur, noise, JPEG compression, darkness or rotation at "
    "three strengths. The first is mild: a loss at that strength is likely in practice, "
    "too. Real cameras differ in more ways than these."
)
_ROWS_AT_ONCE = 32  # each in 15 versions


class Robustness:
    """Scores under blur, noise, JPEG compression, darkness and rotation.

    Args:
        most_images: Maximum number of scored images, sampled from each class.

    Example:
        >>> Robustness(most_images=100).most_images
        100
    """

    def __init__(self, most_images: int = 1000) -> None:
        self.most_images = most_images

    def explain(self, evidence: Evidence, subject: Subject) -> Finding:
        """Predicts each image in 15 versions, in chunks of images."""
        test = evidence.test
        reader = ReadableImages(subject.test, _ROWS_AT_ONCE)
        if reason := reader.reason_for_none:
            return Finding(TITLE, EXPLANATION, gaps=[f"not measured: {reason}"])
        answers = _predict(
            subject, reader, test, spread_over_classes(test.labels, self.most_images)
        )
        gaps, tables = reader.gaps(test.names), reader.tables(test.names)
        if answers is None:
            return Finding(TITLE, EXPLANATION, gaps=gaps, tables=tables)
        rows = answers.rows
        groups = None if test.groups is None else test.groups[rows]
        scores = scores_of(test.labels[rows], answers.right, groups)
        return Finding(
            TITLE,
            EXPLANATION,
            {"images": len(rows), "of": len(test)} | as_values(scores),
            [_sample_words(len(rows), len(test)), _worst_words(scores)],
            _mild_warnings(scores),
            gaps,
            [as_table(scores), *tables],
            {"robustness": robustness_figure(scores)},
            answers.specimens,
        )


class _Answers(NamedTuple):
    """Predictions for corrupted images.

    Attributes:
        rows: Rows of the readable images.
        right: `(1 + versions, rows)` bool, whether predictions are right; the original
            images first.
        specimens: Panels of the first image in all versions.
    """

    rows: npt.NDArray[np.int64]
    right: npt.NDArray[np.bool_]
    specimens: list[Panel]


def _predict(
    subject: Subject, reader: ReadableImages, test: Labeled, rows: npt.NDArray[np.int64]
) -> _Answers | None:
    read, right = [], []
    panels: list[Panel] = []
    predicted = test.predicted
    for own, images in reader.chunks(rows):
        if not panels:
            panels += _example_panels(images[0], int(own[0]))
        places = np.tile(own, len(VERSIONS))
        answers = subject.predict(_corrupted(images), places).argmax(axis=1)
        every = np.vstack([predicted[own], answers.reshape(len(VERSIONS), len(own))])
        read.append(own)
        right.append(every == test.labels[own])
    return _Answers(np.concatenate(read), np.hstack(right), panels) if read else None


def _corrupted(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Returns all versions, `(versions * images, height, width, 3)`, version by version."""
    return np.stack([corrupt(image, *version) for version in VERSIONS for image in images])


def _sample_words(scored: int, total: int) -> str:
    if scored == total:
        return f"All {total:,} test images were scored."
    return f"{scored:,} of {total:,} test images, sampled by class, were scored."


def _worst_words(scores: Scores) -> str:
    (kind, strength), own = min(
        scores.items(), key=lambda each: each[1]["balanced_accuracy"].value
    )
    score = own["balanced_accuracy"]
    clean = scores[CLEAN]["balanced_accuracy"]
    if not strength:
        return "No corruption lowers the balanced accuracy."
    return (
        f"Balanced accuracy is lowest with {kind} of strength {strength}: "
        f"{score.value:.1%} {_format_interval(score.interval)}, against {clean.value:.1%} "
        f"{_format_interval(clean.interval)} on the original images."
    )


def _mild_warnings(scores: Scores) -> list[str]:
    return [
        f"Mild {kind} already changes the balanced accuracy by {score.change:+.1%} "
        f"{_format_interval(score.change_interval)}."
        for (kind, strength), own in scores.items()
        if strength == 1 and (score := own["balanced_accuracy"]).change_interval[1] < 0
    ]


def _format_interval(interval: Interval) -> str:
    return f"[{interval[0]:.1%}, {interval[1]:.1%}]"


def _example_panels(image: npt.NDArray[np.uint8], row: int) -> list[Panel]:
    """Returns panels of one image in all versions, one per kind."""
    panels = []
    for kind in CORRUPTIONS:
        worse = [tile(corrupt(image, kind, strength)) for strength in STRENGTHS]
        caption = [f"{kind}: original, and strengths 1 to 3"]
        pixels = side_by_side([tile(image), *worse])
        panels.append(Panel("Examples of each strength", caption, pixels, row))
    return panels
