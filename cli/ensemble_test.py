"""Scores several runs as one model, one of them in memory at a time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.files import write_json_atomic
from ..core.removal import remove_file
from ..core.run_layout import (
    ENSEMBLE_FILE,
    ENSEMBLE_PREDICTIONS_FILE,
    ENSEMBLE_TTA_PREDICTIONS_FILE,
)
from ..evaluation import Predictions, write_predictions
from ..evaluation.comparisons.ensemble import MeanPredictions
from ..evaluation.comparisons.matching import KnownImages
from ..trainer import TestResult, Trainer
from ..trainer.loop.evaluation import paired_difference, score_predictions
from .ensembles import Member, read_split
from .output_file import writing
from .saved_model import forget_models, load_model

_TTA_PREDICTIONS = re.compile(re.escape(ENSEMBLE_TTA_PREDICTIONS_FILE))


@dataclass(frozen=True)
class EnsembleScores:
    """How an ensemble did, and each of its members.

    Attributes:
        split: On which images.
        scores: Of the mean of probabilities, as in test.json; `against_members`, the
            paired difference to each; and `tta` if that was asked for.
        members: Those of each member, by its name.
        predictions: The means.
        tta_predictions: The means over members and views, if asked for.
    """

    split: str
    scores: dict[str, Any]
    members: dict[str, dict[str, Any]]
    predictions: Predictions
    tta_predictions: Predictions | None = None

    def write(self, directory: Path) -> None:
        """Writes ensemble.json and tables of predictions."""
        content = {
            "split": self.split,
            "ensemble": self.scores,
            "members": self.members,
        }
        with writing(directory) as place:
            write_json_atomic(place / ENSEMBLE_FILE, content)
            write_predictions(place / ENSEMBLE_PREDICTIONS_FILE, self.predictions)
            if self.tta_predictions is not None:
                write_predictions(
                    place / ENSEMBLE_TTA_PREDICTIONS_FILE, self.tta_predictions
                )
            else:  # those of another test are not of these scores
                remove_file(place, ENSEMBLE_TTA_PREDICTIONS_FILE, _TTA_PREDICTIONS)


def score_members(
    members: Sequence[Member], split: str, tta: int | None = None
) -> EnsembleScores:
    """Tests each member, and the mean of their probabilities.

    Args:
        members: At least two.
        split: `"test"` or `"validation"`.
        tta: Views of each image, as of `Trainer.test`.

    Raises:
        ConfigError: Classes or images of the members are not the same.
        DataError: Images can't be read, or outputs are no probabilities.
        CheckpointError: A model is damaged.
    """
    plain, varied = MeanPredictions(), MeanPredictions()
    first, scores, each = read_split(members[0], split), {}, {}
    for member in members:
        images = first if member is members[0] else read_split(member, split)
        plain.rows_of(KnownImages.of(member.name, images))  # before its model is loaded
        result = Trainer().test(load_model(member.run, member.config), images, tta=tta)
        each[member.name] = plain.add(member.name, _predictions(result), images)
        if result.tta is not None:
            varied.add(member.name, _predictions(result.tta), images)
        scores[member.name] = result.scores
        del result  # it holds the model
        forget_models()
    total = score_predictions(first, plain.predictions)
    total["against_members"] = {
        name: paired_difference(first, (name, alone), ("ensemble", plain.predictions))
        for name, alone in each.items()
    }
    if tta is None:
        return EnsembleScores(split, total, scores, plain.predictions)
    views = varied.predictions
    total["tta"] = {"views": tta, **score_predictions(first, views)}
    return EnsembleScores(split, total, scores, plain.predictions, views)


def _predictions(result: TestResult) -> Predictions:
    if result.predictions is None:
        raise ValueError("Tests of images have predictions.")
    return result.predictions
