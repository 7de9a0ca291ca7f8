"""Scores of an ensemble, and the files that they are written to."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..core.files import write_json_atomic
from ..core.removal import remove_file
from ..core.run_layout import (
    ENSEMBLE_FILE,
    ENSEMBLE_PREDICTIONS_FILE,
    ENSEMBLE_TTA_PREDICTIONS_FILE,
)
from .output_file import writing

_TTA_PREDICTIONS = re.compile(re.escape(ENSEMBLE_TTA_PREDICTIONS_FILE))


class HasTable(Protocol):
    """Predictions of any task."""

    def write_table(self, path: Path) -> None:
        """Writes one row per image."""


@dataclass(frozen=True)
class EnsembleScores:
    """Scores of the mean of several models, and of each model.

    Attributes:
        split: The split that was scored: `"test"` or `"validation"`.
        scores: Scores of the mean, as in test.json; for classifiers `against_members`, the
            paired difference to each; and `tta` if requested.
        members: Scores of each member, by name.
        predictions: Mean predictions over members.
        tta_predictions: Mean predictions over members and views, if requested.
    """

    split: str
    scores: dict[str, Any]
    members: dict[str, dict[str, Any]]
    predictions: HasTable
    tta_predictions: HasTable | None = None

    def write(self, directory: Path) -> None:
        """Writes ensemble.json and tables of predictions."""
        content = {"split": self.split, "ensemble": self.scores, "members": self.members}
        with writing(directory) as place:
            write_json_atomic(place / ENSEMBLE_FILE, content)
            self.predictions.write_table(place / ENSEMBLE_PREDICTIONS_FILE)
            if self.tta_predictions is not None:
                self.tta_predictions.write_table(place / ENSEMBLE_TTA_PREDICTIONS_FILE)
            else:  # an earlier table would not belong to these scores
                remove_file(place, ENSEMBLE_TTA_PREDICTIONS_FILE, _TTA_PREDICTIONS)
