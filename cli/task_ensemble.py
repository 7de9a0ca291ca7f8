"""Scores several models of labels or numbers as one: the mean of their outputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import ConfigError, message
from ..core.files import write_json_atomic
from ..core.run_layout import ENSEMBLE_FILE, ENSEMBLE_PREDICTIONS_FILE
from ..evaluation.comparisons.ensemble import require_same_classes
from ..evaluation.comparisons.matching import KnownImages, matching_rows
from ..evaluation.multi_label.predictions import LabelPredictions
from ..evaluation.regression.predictions import NumberPredictions
from ..trainer import Trainer
from ..trainer.loop.task_scores import groups_of
from .ensembles import Member, read_split
from .output_file import writing
from .saved_model import forget_models, load_model

TaskPredictions = LabelPredictions | NumberPredictions


@dataclass(frozen=True)
class TaskEnsembleScores:
    """How the mean of several models did, and each of them.

    Attributes:
        split: On which images.
        scores: Of the mean, as in test.json.
        members: Those of each member, by its name.
        predictions: The means.
    """

    split: str
    scores: dict[str, Any]
    members: dict[str, dict[str, Any]]
    predictions: TaskPredictions

    def write(self, directory: Path) -> None:
        """Writes ensemble.json and the table of predictions."""
        content = {"split": self.split, "ensemble": self.scores, "members": self.members}
        with writing(directory) as place:
            write_json_atomic(place / ENSEMBLE_FILE, content)
            self.predictions.write_table(place / ENSEMBLE_PREDICTIONS_FILE)


def score_task_members(members: Sequence[Member], split: str) -> TaskEnsembleScores:
    """Tests each member, and the mean of their outputs.

    Thresholds and intervals of one model are not those of a mean: labels are given from
    0.5 on, for the members too, and numbers have no interval.

    Args:
        members: At least two, of one task.
        split: `"test"` or `"validation"`.

    Raises:
        ConfigError: Names or images of the members are not the same, or the truth is not.
        DataError: Images can't be read, or outputs are not finite.
        CheckpointError: A model is damaged.
    """
    first = read_split(members[0], split)
    known = KnownImages.of(members[0].name, first)
    scores, found = {}, []
    for member in members:
        images = first if member is members[0] else read_split(member, split)
        rows = _matching(known, KnownImages.of(member.name, images))
        if not np.array_equal(images.target_values[rows], first.target_values):
            raise ConfigError(
                message(
                    "The members of an ensemble must be tested on the same targets.",
                    "Train them on one table.",
                    members=f"{members[0].name}, {member.name}",
                )
            )
        result = Trainer().test(load_model(member.run, member.config), images)
        if result.task_predictions is None:
            raise ValueError("Tests of labels and numbers have predictions.")
        found.append(_in_order(result.task_predictions, rows))
        scores[member.name] = result.scores
        del result  # it holds the model
        forget_models()
    mean = mean_of(found)
    return TaskEnsembleScores(split, mean.scores(groups_of(first)), scores, mean)


def mean_of(members: Sequence[TaskPredictions]) -> TaskPredictions:
    """The mean of outputs for the same images in the same order, without choices.

    Args:
        members: At least one, all of one task.
    """
    outputs = np.mean([each.outputs for each in members], axis=0, dtype=np.float64)
    return _with_outputs(members[0], outputs.astype(np.float32))


def _matching(first: KnownImages, other: KnownImages) -> Any:
    runs = f"{first.owner}, {other.owner}"
    require_same_classes(first.class_names, other.class_names, runs)
    return matching_rows(first, other)


def _in_order(predictions: TaskPredictions, rows: Any) -> TaskPredictions:
    """For other images; the targets are those of the first member, which are the same."""
    names = [predictions.names[row] for row in rows]
    targets: Any = None if predictions.targets is None else predictions.targets[rows]
    ordered = replace(predictions, names=names, targets=targets)
    return _with_outputs(ordered, predictions.outputs[rows])


def _with_outputs(predictions: TaskPredictions, outputs: Any) -> TaskPredictions:
    none = [None] * outputs.shape[1]
    if isinstance(predictions, LabelPredictions):
        return replace(predictions, probabilities=outputs, thresholds=none)
    return replace(predictions, values=outputs, half_widths=none)
