"""The columns of a table of predictions, as `keraunos predict` writes it."""

import numpy as np

from ...core.csv_cells import PROBABILITY_PREFIX
from .answers import Answers, describe
from .document import ModelDocument

CORRECTED_PREFIX = "corrected:"
LABEL_SEPARATOR = "|"

Cells = dict[str, str]


class PredictionTable:
    """Turns answers into cells by column.

    For a classifier, the columns `probability:CLASS` hold the uncorrected probabilities,
    and `prediction` their most probable class, as in the predictions of a test; if the
    model has a calibration correction, `corrected:CLASS` holds the corrected probabilities.
    For several labels, `prediction` holds those that an image has. For regression there are
    `prediction:NAME`, `low:NAME` and `high:NAME` for each number.

    Args:
        document: The description of the model.

    Attributes:
        columns: Their names, in order.
    """

    def __init__(self, document: ModelDocument) -> None:
        self._document = document
        self._is_corrected = document.correction is not None
        names, task = document.classes, document.task
        if task == "regression":
            kinds = ("prediction", "low", "high")
            self.columns = tuple(f"{kind}:{name}" for name in names for kind in kinds)
            return
        corrected = names if task == "classification" and self._is_corrected else ()
        self.columns = (
            "prediction",
            *(PROBABILITY_PREFIX + name for name in names),
            *(CORRECTED_PREFIX + name for name in corrected),
        )

    def describe(self, answers: Answers) -> list[Cells]:
        """Returns the cells for each image, in the order of `columns`."""
        rows = {
            "classification": self._classes,
            "multi_label": self._labels,
            "regression": self._numbers,
        }[self._document.task](answers)
        return [dict(zip(self.columns, row, strict=True)) for row in rows]

    def _classes(self, answers: Answers) -> list[list[str]]:
        uncorrected, classes = answers.uncorrected, self._document.classes
        parts = (uncorrected, answers.probabilities)
        numbers = np.hstack(parts) if self._is_corrected else uncorrected
        best = uncorrected.argmax(axis=1)
        return [
            [classes[place], *map(_in_digits, row)]
            for place, row in zip(best, numbers, strict=True)
        ]

    def _labels(self, answers: Answers) -> list[list[str]]:
        return [
            [
                LABEL_SEPARATOR.join(found["labels"]),
                *map(_in_digits, found["probabilities"].values()),
            ]
            for found in describe(answers, self._document)
        ]

    def _numbers(self, answers: Answers) -> list[list[str]]:
        return [
            [
                "" if number is None else _in_digits(number)
                for name, value in found["values"].items()
                for number in (value, *(found["intervals"][name] or (None, None)))
            ]
            for found in describe(answers, self._document)
        ]


def _in_digits(value: float) -> str:
    return f"{value:.9g}"
