"""Predicts batches of images with one model or an ensemble."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..core.errors import ConfigError, message
from ..data.streams.read_stream import Decoding, ReadImage
from ..evaluation.comparisons.ensemble import require_same_classes
from ..evaluation.evidence import require_probabilities
from ..export.portable.answers import Answers, describe
from ..export.portable.decisions import Decisions
from ..export.portable.document import ModelDocument
from ..export.portable.model import Model
from ..export.portable.task_answers import rules_without_choices

NO_ANSWER = "the outputs of the model are not finite"  # as `Model.predict` has it


class Prediction(NamedTuple):
    """An image and the position of its prediction.

    Attributes:
        read: The image.
        problem: Why there is no prediction; empty if there is one.
        row: Row of the prediction in the answers of the batch, if there is one.
    """

    read: ReadImage
    problem: str
    row: int


class Predicted(NamedTuple):
    """The predictions for a batch of images.

    Attributes:
        images: All images in order, including those without a prediction.
        answers: Arrays `(predictions, classes)`.
    """

    images: list[Prediction]
    answers: Answers


class Predictor:
    """Predicts images with one model, or with the mean of several.

    An ensemble has no calibration correction, thresholds or intervals of its own: labels
    are predicted from a probability of 0.5.

    Args:
        models: Models by name; messages use the names.
        bit_depth: Number of significant bits of 16-bit images; None for the setting of
            each model.
        columns: Names of the table columns whose cells come with each image.

    Raises:
        ConfigError: The models differ in their classes or task.

    Attributes:
        document: Description of the model.
        decodings: The distinct image decodings that the models require.
        features: For each model, the table columns that it takes in addition to the
            image, or None.
    """

    def __init__(
        self,
        models: Mapping[str, Model],
        bit_depth: int | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        (first_name, first), *others = models.items()
        for name, model in others:
            require_same_classes(first.classes, model.classes, f"{first_name}, {name}")
            _require_same_task(first, model, f"{first_name}, {name}")
        self.document: ModelDocument = first.description
        if others:
            self.document = replace(
                first.description,
                correction=None,
                decisions=Decisions(),
                rules_of_task=rules_without_choices(
                    first.description.task, len(first.classes)
                ),
            )
        self._models = list(models.values())
        self.features = [model.columns for model in self._models]
        self._columns = tuple(columns)
        each = [_decoding(model, bit_depth) for model in self._models]
        self.decodings = tuple(dict.fromkeys(each))
        self._places = [self.decodings.index(decoding) for decoding in each]

    def predict(self, batch: Sequence[ReadImage]) -> Predicted:
        """Predicts a batch; unreadable images keep their error.

        Raises:
            DataError: Outputs of a member of an ensemble are not probabilities.
        """
        readable = [each for each in batch if not each.problem]
        answers = self._answers(readable)
        is_finite = _is_finite(answers.uncorrected)
        kept = Answers(answers.probabilities[is_finite], answers.uncorrected[is_finite])
        images, rows, row = [], iter(is_finite), 0
        for each in batch:
            problem = each.problem or ("" if next(rows) else NO_ANSWER)
            images.append(Prediction(each, problem, row))
            row += not problem
        return Predicted(images, kept)

    def describe(self, answers: Answers) -> list[dict[str, Any]]:
        """Describes the answer for each image; see `export.portable.answers.describe`."""
        return describe(answers, self.document)

    def _answers(self, readable: Sequence[ReadImage]) -> Answers:
        if not readable:
            none = np.empty((0, len(self.document.classes)), np.float32)
            return Answers(none, none)
        views = zip(*(each.pixels for each in readable), strict=True)
        images = [np.stack(view) for view in views]
        cells = self._cells(readable)
        if len(self._models) == 1:
            return self._models[0].answers(images[0], cells)
        total = np.zeros(())
        for model, place in zip(self._models, self._places, strict=True):
            uncorrected = model.answers(images[place], cells).uncorrected
            if self.document.task == "classification":
                usable = uncorrected[_is_finite(uncorrected)]
                require_probabilities(usable.astype(np.float32))
            total = total + np.asarray(uncorrected, np.float64)
        mean = (total / len(self._models)).astype(np.float32)
        return Answers(mean, mean)

    def _cells(self, readable: Sequence[ReadImage]) -> dict[str, list[str]]:
        rows = [each.image.cells for each in readable]
        return {name: [row[n] for row in rows] for n, name in enumerate(self._columns)}


def _require_same_task(first: Model, other: Model, runs: str) -> None:
    tasks = first.description.task, other.description.task
    if tasks[0] != tasks[1]:
        words = "The members of an ensemble must have the same task."
        raise ConfigError(message(words, members=runs, task=" ".join(tasks)))


def _is_finite(rows: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    return np.asarray(np.isfinite(rows).all(axis=1))


def _decoding(model: Model, bit_depth: int | None) -> Decoding:
    rules = model.description.rules
    if bit_depth is not None:
        rules = replace(rules, bit_depth=bit_depth)
    return Decoding(model.image_size, rules)
