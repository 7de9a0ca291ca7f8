"""Multi-label predictions, and their table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...configs.choices import Task
from ...core.checked_files import note_checksum, write_checked_json
from ...core.csv_cells import PROBABILITY_PREFIX
from ...core.files import write_csv
from ...core.run_layout import PREDICTIONS_FILE, TEST_FILE
from ..predictions import digest_of
from .scores import multi_label_scores
from .thresholds import with_default

SEPARATOR = "|"


@dataclass(frozen=True)
class LabelPredictions:
    """Multi-label predictions for a set of images.

    Attributes:
        names: File of each image.
        probabilities: `(images, labels)` float32, each in [0, 1].
        label_names: The labels, in the order of the model's outputs.
        thresholds: Probability from which each label is predicted; None means 0.5.
        targets: `(images, labels)` bool, or None if unknown.
    """

    task: ClassVar[Task] = "multi_label"

    names: Sequence[str]
    probabilities: npt.NDArray[np.float32]
    label_names: Sequence[str]
    thresholds: Sequence[float | None]
    targets: npt.NDArray[np.bool_] | None = None

    @property
    def predicted(self) -> npt.NDArray[np.bool_]:
        """`(images, labels)` bool: the predicted labels."""
        return self.probabilities >= np.array(with_default(self.thresholds))

    @property
    def outputs(self) -> npt.NDArray[np.float32]:
        """`(images, labels)`: the outputs of the model."""
        return self.probabilities

    @property
    def output_columns(self) -> list[str]:
        """Names of the outputs in the table of predictions."""
        return [f"{PROBABILITY_PREFIX}{name}" for name in self.label_names]

    @property
    def digest(self) -> str:
        """Hexadecimal digest of everything that affects scores."""
        return digest_of(
            self.label_names, self.targets, self.probabilities, self.thresholds
        )

    def scores(self, groups: npt.NDArray[np.integer] | None = None) -> dict[str, Any]:
        """Scores the predictions, which must have targets; see `multi_label_scores`."""
        if self.targets is None:
            raise ValueError("Predictions without targets can't be scored.")
        return multi_label_scores(
            self.targets, self.probabilities, self.label_names, self.thresholds, groups
        )

    def write_table(self, path: Path) -> None:
        """Writes file, true labels if known, predicted labels and all probabilities."""
        columns: dict[str, Sequence[object]] = {"file": self.names}
        if self.targets is not None:
            columns["labels"] = self._in_words(self.targets)
        columns["prediction"] = self._in_words(self.predicted)
        for name, values in zip(self.output_columns, self.probabilities.T, strict=True):
            columns[name] = [f"{value:.9g}" for value in values]
        write_csv(path, list(columns), zip(*columns.values(), strict=True))

    def write_report(self, directory: Path, scores: dict[str, Any]) -> None:
        """Writes predictions.csv and then test.json into a run directory."""
        self.write_table(directory / PREDICTIONS_FILE)
        note_checksum(directory / PREDICTIONS_FILE)
        write_checked_json(directory / TEST_FILE, scores)

    def _in_words(self, chosen: npt.NDArray[np.bool_]) -> list[str]:
        return [
            SEPARATOR.join(
                self.label_names[place] for place in np.flatnonzero(row).tolist()
            )
            for row in chosen
        ]
