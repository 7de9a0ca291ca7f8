"""Scores several models of labels or numbers as one: the mean of their outputs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..core.errors import ConfigError, message
from ..evaluation.comparisons.ensemble import require_same_classes
from ..evaluation.comparisons.matching import KnownImages, matching_rows
from ..trainer import Trainer
from ..trainer.loop.task_scores import TaskPredictions, groups_of, task_predictions
from ..trainer.loop.views import average_views, find_views
from ..trainer.setup.sources import split_of
from .ensemble_scores import EnsembleScores
from .ensembles import Member, read_data
from .saved_model import forget_models, load_model

Outputs = npt.NDArray[np.floating[Any]]


class _Asked(NamedTuple):
    """Images that all members are asked about, in the order of the first member's.

    Attributes:
        images: The first member's.
        known: What they are recognized by.
    """

    images: Any
    known: KnownImages

    @classmethod
    def of(cls, member: Member, images: Any) -> "_Asked":
        return cls(images, KnownImages.of(member.name, images))

    def rows(self, member: Member, images: Any) -> Any:
        """Which of another member's images each is.

        Raises:
            ConfigError: They are not the same, or not with the same targets.
        """
        other = KnownImages.of(member.name, images)
        runs = f"{self.known.owner}, {other.owner}"
        require_same_classes(self.known.class_names, other.class_names, runs)
        rows = matching_rows(self.known, other)
        if not np.array_equal(images.target_values[rows], self.images.target_values):
            raise ConfigError(
                message(
                    "The members of an ensemble must be tested on the same targets.",
                    "Train them on one table.",
                    members=runs,
                )
            )
        return rows


class _Answers(NamedTuple):
    """What a model puts out, as it is and averaged over views: `(images, outputs)` each."""

    plain: Outputs
    views: Outputs


class _Ensemble:
    """Outputs of all members for the same images.

    Args:
        tested: The test images.
        chosen_on: Validation images of the first member, or None.
    """

    def __init__(self, tested: _Asked, chosen_on: _Asked | None) -> None:
        self._tested = tested
        self._chosen_on = chosen_on
        self._answers: list[_Answers] = []
        self._choices: list[_Answers] = []

    def add(self, member: Member, images: Any, held_out: Any, tta: int | None) -> None:
        """Tests a member, whose model is in memory only during that time."""
        rows = self._tested.rows(member, images)  # before its model is loaded
        model = load_model(member.run, member.config)
        self._answers.append(_ask(model, images, rows, tta))
        same = _same(self._chosen_on, member, held_out)
        if same is not None:
            self._choices.append(_ask(model, held_out, same, tta))
        del model
        forget_models()

    def mean(self, of_views: bool = False) -> TaskPredictions:
        """The predictions of all members together."""
        return self._predictions(range(len(self._answers)), of_views)

    def alone(self, place: int) -> TaskPredictions:
        """The scores of one member."""
        return self._predictions([place], False)

    def _predictions(self, places: Sequence[int], of_views: bool) -> TaskPredictions:
        chosen_on = None
        is_common = len(self._choices) == len(self._answers)
        if self._chosen_on is not None and is_common:
            chosen_on = self._chosen_on.images, _mean(self._choices, places, of_views)
        outputs = _mean(self._answers, places, of_views)
        return task_predictions(self._tested.images, outputs, chosen_on)


def score_task_members(
    members: Sequence[Member], split: str, tta: int | None = None
) -> EnsembleScores:
    """Tests each member, and the mean of their outputs.

    Thresholds and intervals are chosen on validation images, those of the mean on its own
    outputs, if all members held out the same ones. Else, as with folds, whose validation
    images are training images of the others, there are none: labels are given from 0.5
    on, for the members too, and numbers have no interval.

    Args:
        members: At least two, of one task.
        split: `"test"` or `"validation"`.
        tta: Views of each image, as of `Trainer.test`.

    Raises:
        ConfigError: Names or images of the members are not the same, or the truth is not.
        DataError: Images can't be read, or outputs are not finite.
        CheckpointError: A model is damaged.
    """
    data = read_data(members[0])
    tested = _Asked.of(members[0], split_of(data, split))
    held_out = data.validation if split == "test" else None
    chosen_on = None if held_out is None else _Asked.of(members[0], held_out)
    ensemble = _Ensemble(tested, chosen_on)
    for member in members:
        own = data if member is members[0] else read_data(member)
        ensemble.add(member, split_of(own, split), own.validation, tta)
    groups = groups_of(tested.images)
    scores = {
        member.name: ensemble.alone(place).scores(groups)
        for place, member in enumerate(members)
    }
    mean = ensemble.mean()
    total = mean.scores(groups)
    if tta is None:
        return EnsembleScores(split, total, scores, mean)
    views = ensemble.mean(of_views=True)
    total["tta"] = {"views": tta, **views.scores(groups)}
    return EnsembleScores(split, total, scores, mean, views)


def _same(asked: _Asked | None, member: Member, images: Any) -> Any:
    """Which of a member's validation images each is; None if they are not the same."""
    if asked is None or images is None:
        return None
    try:
        return asked.rows(member, images)
    except ConfigError:
        return None


def _ask(model: Any, images: Any, rows: Any, tta: int | None) -> _Answers:
    plain = np.asarray(Trainer().predict(model, images))
    views = find_views(images, None, tta)
    mean = plain if views is None else np.asarray(average_views(model, plain, views))
    return _Answers(plain[rows], mean[rows])


def _mean(answers: Sequence[_Answers], places: Sequence[int], of_views: bool) -> Outputs:
    outputs = [answers[n].views if of_views else answers[n].plain for n in places]
    return np.asarray(np.mean(outputs, axis=0, dtype=np.float64), np.float32)
