"""Predictions of two models for the same test images, brought into the same order."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...core.errors import ConfigError, message
from ...core.names import printable, some
from ..predictions import Predictions

MOST_NAMED = 3


@dataclass(frozen=True)
class NamedPredictions:
    """What a model predicted for its test images, and what is known of those.

    Attributes:
        name: Of the run or model.
        predictions: With labels.
        digests: SHA-256 of each image's content; None if not known.
        contradictory: `(images,)` bool, whether a copy is filed under another class; None
            if not known.
        groups: `(images,)` numbers that copies and images of one patient, say, share; None
            if not known.
    """

    name: str
    predictions: Predictions
    digests: Sequence[str] | None = None
    contradictory: npt.NDArray[np.bool_] | None = None
    groups: npt.NDArray[np.integer] | None = None

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """`(images,)` true classes.

        Raises:
            ConfigError: They are not known.
        """
        if self.predictions.labels is None:
            raise ConfigError(message("Labels are needed to compare.", run=self.name))
        return self.predictions.labels


def in_order_of(first: NamedPredictions, second: NamedPredictions) -> Predictions:
    """The predictions of the second for the images of the first, classes in its order.

    Images are the same if their content is, where that is known of both, else if their
    file is.

    Raises:
        ConfigError: Images, labels or class names differ; the message names what does.
    """
    problems = list(_differing_classes(first, second))
    keys, others = _keys(first, second)
    problems += _differing_images(first, second, keys, others)
    if problems:
        raise _refusal(first, second, problems)
    rows = np.empty(len(keys), np.intp)
    rows[_order(keys, first)] = _order(others, second)
    names, other_names = first.predictions.class_names, second.predictions.class_names
    columns = [list(other_names).index(name) for name in names]
    labels = np.argsort(columns)[second.labels[rows]]
    differing = np.flatnonzero(labels != first.labels).tolist()
    if differing:
        shown = [first.predictions.names[row] for row in differing]
        text = f"labels of {len(shown):,} images differ: {some(shown, MOST_NAMED)}"
        raise _refusal(first, second, [text])
    probabilities = second.predictions.probabilities[rows][:, columns]
    return replace(first.predictions, probabilities=probabilities)


def _keys(
    first: NamedPredictions, second: NamedPredictions
) -> tuple[Sequence[str], Sequence[str]]:
    if first.digests is not None and second.digests is not None:
        return first.digests, second.digests
    return first.predictions.names, second.predictions.names


def _order(keys: Sequence[str], side: NamedPredictions) -> list[int]:
    """Sorted by key; copies of one content by the name of their class."""
    names = side.predictions.class_names
    classes = [names[label] for label in side.labels]
    return sorted(range(len(keys)), key=lambda row: (keys[row], classes[row]))


def _differing_classes(first: NamedPredictions, second: NamedPredictions) -> Iterator[str]:
    names = set(first.predictions.class_names), set(second.predictions.class_names)
    for side, own in ((first, names[0] - names[1]), (second, names[1] - names[0])):
        if own:
            yield f"classes of {side.name} only: {some(sorted(own), MOST_NAMED)}"


def _differing_images(
    first: NamedPredictions,
    second: NamedPredictions,
    keys: Sequence[str],
    others: Sequence[str],
) -> Iterator[str]:
    own = _only_in(first, keys, others)
    foreign = _only_in(second, others, keys)
    changed = [name for name in own if name in set(foreign)]
    for names, what in (
        (changed, "images have another content under the same name"),
        (
            [name for name in own if name not in set(changed)],
            f"images of {first.name} only",
        ),
        (
            [name for name in foreign if name not in set(changed)],
            f"images of {second.name} only",
        ),
    ):
        if names:
            yield f"{len(names):,} {what}: {some(names, MOST_NAMED)}"


def _only_in(
    side: NamedPredictions, keys: Sequence[str], others: Sequence[str]
) -> list[str]:
    """Names of the images that the other one lacks, or has less often."""
    left = Counter(keys) - Counter(others)
    names = []
    for key, name in zip(keys, side.predictions.names, strict=True):
        if left[key] > 0:
            left[key] -= 1
            names.append(name)
    return names


def _refusal(
    first: NamedPredictions, second: NamedPredictions, problems: Sequence[str]
) -> ConfigError:
    expected = (
        "A paired comparison needs the same test images, labels and classes on both sides."
    )
    remedy = "Give one of them the other's split, with data.split=RUN/split.csv."
    found = "\n".join(f"  {each}" for each in problems)
    text = message(expected, remedy, first=first.name, second=printable(second.name))
    return ConfigError(f"{text}\n{found}")
