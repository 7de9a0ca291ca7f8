"""Scores several runs as one model, one of them in memory at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.files import write_json_atomic
from ..core.run_layout import ENSEMBLE_FILE, ENSEMBLE_PREDICTIONS_FILE
from ..evaluation import Predictions, write_predictions
from ..evaluation.ensemble import MeanPredictions
from ..trainer import TestResult, Trainer
from ..trainer.loop.evaluation import score_predictions
from .ensembles import Member, read_split
from .output_file import writing
from .saved_model import forget_models, load_model


@dataclass(frozen=True)
class EnsembleScores:
    """How an ensemble did, and each of its members.

    Attributes:
        split: On which images.
        scores: Of the mean of probabilities, as in test.json; `tta` among them if that
            was asked for.
        members: Those of each member, by its name.
        predictions: The means.
    """

    split: str
    scores: dict[str, Any]
    members: dict[str, dict[str, Any]]
    predictions: Predictions

    def write(self, directory: Path) -> None:
        """Writes ensemble.json and ensemble_predictions.csv."""
        content = {
            "split": self.split,
            "ensemble": self.scores,
            "members": self.members,
        }
        with writing(directory) as place:
            write_json_atomic(place / ENSEMBLE_FILE, content)
            write_predictions(place / ENSEMBLE_PREDICTIONS_FILE, self.predictions)


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
    first, scores = read_split(members[0], split), {}
    for member in members:
        images = first if member is members[0] else read_split(member, split)
        plain.rows_of(member.name, images)  # before its model is loaded
        result = Trainer().test(load_model(member.run, member.config), images, tta=tta)
        plain.add(member.name, _predictions(result))
        if result.tta is not None:
            varied.add(member.name, _predictions(result.tta))
        scores[member.name] = result.scores
        del result  # it holds the model
        forget_models()
    total = score_predictions(first, plain.predictions)
    if tta is not None:
        total["tta"] = {"views": tta, **score_predictions(first, varied.predictions)}
    return EnsembleScores(split, total, scores, plain.predictions)


def _predictions(result: TestResult) -> Predictions:
    if result.predictions is None:
        raise ValueError("Tests of images have predictions.")
    return result.predictions
