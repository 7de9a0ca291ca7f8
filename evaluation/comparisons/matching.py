"""Matches the images of two models."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ...core.errors import ConfigError, message
from ...core.names import printable, some
from ..predictions import Predictions

MOST_NAMED = 3
_UNKNOWN = {"", "0" * 64}  # digests of files that were not read

Rows = npt.NDArray[np.intp]


class Images(Protocol):
    """Images with predictions of a classifier."""

    @property
    def names(self) -> Sequence[str]:
        """File of each image."""

    @property
    def class_names(self) -> Sequence[str]:
        """The classes, in the order of the model's outputs."""

    @property
    def labels(self) -> npt.NDArray[np.int32] | None:
        """True class of each image, if known."""


@runtime_checkable
class FingerprintedImages(Protocol):
    """Images with the hexadecimal SHA-256 of their files."""

    names: Sequence[str]
    digests: Sequence[str]


@dataclass(frozen=True)
class KnownImages:
    """Predicted images, with everything that identifies them.

    Attributes:
        owner: Name of the run or model.
        names: File of each image.
        class_names: The classes, in the order of the model's outputs.
        labels: `(images,)` true classes; None if not known.
        digests: SHA-256 of each image's content; None if not known.
    """

    owner: str
    names: Sequence[str]
    class_names: Sequence[str]
    labels: npt.NDArray[np.int32] | None = None
    digests: Sequence[str] | None = None

    @classmethod
    def of(cls, owner: str, images: Images) -> "KnownImages":
        """Creates the description of the images of predictions or of a split."""
        digests = images.digests if isinstance(images, FingerprintedImages) else None
        known = images.names, images.class_names, images.labels
        return cls(owner, *known, known_digests(digests))

    def classes(self) -> list[str] | None:
        """Returns the name of the true class of each image; None if unknown."""
        if self.labels is None:
            return None
        return [self.class_names[label] for label in self.labels]


@dataclass(frozen=True)
class NamedPredictions:
    """The predictions of a model for test images, with information on the images.

    Attributes:
        name: Name of the run or model.
        predictions: Predictions with labels.
        digests: SHA-256 of each image's content; None if unknown.
        contradictory: `(images,)` bool, whether a copy has another class; None if unknown.
        groups: `(images,)` numbers shared by copies and images of one group, such as a
            patient; None if not known.
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
            ConfigError: The labels are unknown.
        """
        if self.predictions.labels is None:
            raise ConfigError(message("Comparisons require labels.", run=self.name))
        return self.predictions.labels

    @property
    def images(self) -> KnownImages:
        """The predicted images."""
        names, classes = self.predictions.names, self.predictions.class_names
        return KnownImages(self.name, names, classes, self.labels, self.digests)


def known_digests(digests: Sequence[str] | None) -> Sequence[str] | None:
    """Returns the digests, or None if the content of any image was not read."""
    return None if digests is None or _UNKNOWN.intersection(digests) else digests


def in_order_of(first: NamedPredictions, second: NamedPredictions) -> Predictions:
    """Returns the second predictions with images and classes in the order of the first.

    Raises:
        ConfigError: Images, labels or class names differ; the message lists the
            differences.
    """
    rows = matching_rows(first.images, second.images)
    names, other_names = first.predictions.class_names, second.predictions.class_names
    columns = [list(other_names).index(name) for name in names]
    probabilities = second.predictions.probabilities[rows][:, columns]
    return replace(first.predictions, probabilities=probabilities)


def matching_rows(first: KnownImages, second: KnownImages) -> Rows:
    """Returns the positions of the images of the first among those of the second.

    Images are compared by content if it is known for both, otherwise by file. Labels are
    compared by the names of their classes if both are known.

    Returns:
        `(images,)`: image `rows[i]` of the second is image `i` of the first.

    Raises:
        ConfigError: Images, labels or class names differ; the message lists the
            differences.
    """
    problems = list(_differing_classes(first, second))
    keys, others = _keys(first, second)
    problems += _differing_images(first, second, keys, others)
    if problems:
        raise _refusal(first, second, problems)
    classes, other_classes = first.classes(), second.classes()
    if classes is None or other_classes is None:
        return _pair(keys, others)
    # Copies with the same content are distinguished by their class.
    rows = _pair(
        list(zip(keys, classes, strict=True)), list(zip(others, other_classes, strict=True))
    )
    pairs = zip(first.names, classes, rows, strict=True)
    differing = [name for name, label, row in pairs if label != other_classes[row]]
    if differing:
        text = f"labels of {len(differing):,} images differ: {some(differing, MOST_NAMED)}"
        raise _refusal(first, second, [text])
    return rows


def _keys(first: KnownImages, second: KnownImages) -> tuple[Sequence[str], Sequence[str]]:
    if first.digests is not None and second.digests is not None:
        return first.digests, second.digests
    return first.names, second.names


def _pair(keys: Sequence[Any], others: Sequence[Any]) -> Rows:
    rows = np.empty(len(keys), np.intp)
    rows[_order(keys)] = _order(others)
    return rows


def _order(keys: Sequence[Any]) -> list[int]:
    return sorted(range(len(keys)), key=keys.__getitem__)


def _differing_classes(first: KnownImages, second: KnownImages) -> Iterator[str]:
    names = set(first.class_names), set(second.class_names)
    for side, own in ((first, names[0] - names[1]), (second, names[1] - names[0])):
        if own:
            yield f"classes of {side.owner} only: {some(sorted(own), MOST_NAMED)}"


def _differing_images(
    first: KnownImages, second: KnownImages, keys: Sequence[str], others: Sequence[str]
) -> Iterator[str]:
    own = _only_in(first, keys, others)
    foreign = _only_in(second, others, keys)
    changed = [name for name in own if name in set(foreign)]
    for names, what in (
        (changed, "images have the same name but different content"),
        (
            [name for name in own if name not in set(changed)],
            f"images of {first.owner} only",
        ),
        (
            [name for name in foreign if name not in set(changed)],
            f"images of {second.owner} only",
        ),
    ):
        if names:
            yield f"{len(names):,} {what}: {some(names, MOST_NAMED)}"


def _only_in(side: KnownImages, keys: Sequence[str], others: Sequence[str]) -> list[str]:
    """Returns the names of images that the other side lacks, or has less often."""
    left = Counter(keys) - Counter(others)
    names = []
    for key, name in zip(keys, side.names, strict=True):
        if left[key] > 0:
            left[key] -= 1
            names.append(name)
    return names


def _refusal(
    first: KnownImages, second: KnownImages, problems: Sequence[str]
) -> ConfigError:
    expected = (
        "Models can only be compared or averaged on the same images with the same labels "
        "and classes."
    )
    remedy = "Give one of them the other's split, with data.split=RUN/split.csv."
    found = "\n".join(f"  {each}" for each in problems)
    text = message(expected, remedy, first=first.owner, second=printable(second.owner))
    return ConfigError(f"{text}\n{found}")
