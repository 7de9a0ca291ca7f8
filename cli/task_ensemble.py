"""Scores ensembles of multi-label and regression models by their mean outputs."""

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


class _CommonImages(NamedTuple):
    """The images that all members predict, in the order of the first member.

    Attributes:
        images: The split of the first member.
        known: The properties by which the images are matched.
    """

    images: Any
    known: KnownImages

    @classmethod
    def of(cls, member: Member, images: Any) -> "_CommonImages":
        return cls(images, KnownImages.of(member.name, images))

    def rows(self, member: Member, images: Any) -> Any:
        """Returns the row of each image among those of another member.

        Raises:
            ConfigError: The images or their targets differ.
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


class _MemberOutputs(NamedTuple):
    """Outputs of a model, plain and averaged over views, each `(images, outputs)`."""

    plain: Outputs
    views: Outputs


class _Ensemble:
    """The outputs of all members for the same images.

    Args:
        tested: The test images.
        chosen_on: Validation images to choose thresholds on, of the first member; or None.
    """

    def __init__(self, tested: _CommonImages, chosen_on: _CommonImages | None) -> None:
        self._tested = tested
        self._chosen_on = chosen_on
        self._test_outputs: list[_MemberOutputs] = []
        self._validation_outputs: list[_MemberOutputs] = []

    def add(self, member: Member, images: Any, held_out: Any, tta: int | None) -> None:
        """Predicts with a member, whose model is in memory only meanwhile."""
        rows = self._tested.rows(member, images)  # before its model is loaded
        model = load_model(member.run, member.config)
        self._test_outputs.append(_predict(model, images, rows, tta))
        rows = _matching_rows(self._chosen_on, member, held_out)
        if rows is not None:
            self._validation_outputs.append(_predict(model, held_out, rows, tta))
        del model
        forget_models()

    def mean(self, of_views: bool = False) -> TaskPredictions:
        """Returns the mean predictions of all members."""
        return self._predictions(range(len(self._test_outputs)), of_views)

    def alone(self, place: int) -> TaskPredictions:
        """Returns the predictions of one member."""
        return self._predictions([place], False)

    def _predictions(self, places: Sequence[int], of_views: bool) -> TaskPredictions:
        chosen_on = None
        is_common = len(self._validation_outputs) == len(self._test_outputs)
        if self._chosen_on is not None and is_common:
            mean = _mean(self._validation_outputs, places, of_views)
            chosen_on = self._chosen_on.images, mean
        outputs = _mean(self._test_outputs, places, of_views)
        return task_predictions(self._tested.images, outputs, chosen_on)


def score_task_members(
    members: Sequence[Member], split: str, tta: int | None = None
) -> EnsembleScores:
    """Tests each member, and the mean of their outputs.

    If all members have the same validation images, thresholds and intervals are chosen on
    these: those of the mean on the mean outputs. Otherwise, as with folds, the threshold of
    labels is 0.5 and numbers have no interval, also for the members.

    Args:
        members: At least two members, of one task.
        split: `"test"` or `"validation"`.
        tta: Number of views per image, like in `Trainer.test`.

    Raises:
        ConfigError: The members have different outputs, images or targets.
        DataError: Images can't be read, or outputs are not finite.
        CheckpointError: A model is damaged.
    """
    data = read_data(members[0])
    tested = _CommonImages.of(members[0], split_of(data, split))
    held_out = data.validation if split == "test" else None
    chosen_on = None if held_out is None else _CommonImages.of(members[0], held_out)
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


def _matching_rows(common: _CommonImages | None, member: Member, images: Any) -> Any:
    """Returns the row of each image among those of a member; None if they differ."""
    if common is None or images is None:
        return None
    try:
        return common.rows(member, images)
    except ConfigError:
        return None


def _predict(model: Any, images: Any, rows: Any, tta: int | None) -> _MemberOutputs:
    plain = np.asarray(Trainer().predict(model, images))
    views = find_views(images, None, tta)
    mean = plain if views is None else np.asarray(average_views(model, plain, views))
    return _MemberOutputs(plain[rows], mean[rows])


def _mean(
    members: Sequence[_MemberOutputs], places: Sequence[int], of_views: bool
) -> Outputs:
    outputs = [members[n].views if of_views else members[n].plain for n in places]
    return np.asarray(np.mean(outputs, axis=0, dtype=np.float64), np.float32)
