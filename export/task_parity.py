"""Compares multi-label and regression exports with their model."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .asked_export import ExportAnswers
from .comparison import ComparedImage, Parity, Reference

WORST = 5

Floats = npt.NDArray[np.floating]


def compare_task(
    found: ExportAnswers, reference: Reference, tolerance: float | None
) -> Parity:
    """Compares the labels or numbers of an export with those of the model.

    Probabilities of labels may differ by the tolerance, numbers by the tolerance times the
    largest absolute value of their column. A label whose probability is within the
    tolerance of its threshold may differ.

    Args:
        found: Outputs of the export, in the order of the reference.
        reference: Expected outputs.
        tolerance: See above; None tolerates any finite difference.
    """
    wanted = reference.probabilities
    size = np.ones(wanted.shape[1])
    if reference.rules.task == "regression":
        size = np.maximum(np.abs(wanted).max(axis=0), np.finfo(np.float32).tiny)
    differences = (np.abs(found.probabilities - wanted) / size).max(axis=1)
    differs = np.zeros(wanted.shape, bool)
    given: Mapping[str, int] = {}
    if reference.rules.task == "multi_label":
        thresholds = np.array(reference.rules.thresholds)
        has_label = wanted >= thresholds
        is_clear = np.abs(wanted - thresholds) > (tolerance or 0.0)
        differs = (found.labels != has_label) & is_clear
        given = _counts(has_label, reference.classes)
    return Parity(
        len(wanted),
        float(differences.max()),
        float(1 - differs.any(axis=1).mean()),
        {
            name: count
            for name, count in _counts(differs, reference.classes).items()
            if count
        },
        tolerance,
        given,
        reference.split,
        _worst(found, reference, differences),
        reference.warnings(),
    )


def _counts(chosen: npt.NDArray[np.bool_], names: Sequence[str]) -> Counter[str]:
    return Counter(dict(zip(names, chosen.sum(axis=0).tolist(), strict=True)))


def _worst(
    found: ExportAnswers, reference: Reference, differences: Floats
) -> list[ComparedImage]:
    """Returns the images whose outputs differ most; NaN counts as the largest."""
    order = np.argsort(
        np.where(np.isnan(differences), -np.inf, -differences), kind="stable"
    )
    return [
        ComparedImage(
            reference.image_names[row],
            float(differences[row]),
            _in_words(reference.probabilities[row]),
            _in_words(found.probabilities[row]),
            reference.digests[row] if reference.digests else None,
        )
        for row in order[:WORST]
    ]


def _in_words(values: Floats) -> str:
    return " ".join(f"{value:.6g}" for value in values)
