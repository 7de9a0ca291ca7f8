"""The index of a run: a table with one row per image file."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...configs.choices import Task
from ...core.counted import counted
from .kinds import Kinds, kinds_of_classes, kinds_of_labels, kinds_of_numbers

SEPARATOR = "|"  # between the labels or numbers of an image
TRAIN, VALIDATION, TEST = 0, 1, 2
SPLIT_NAMES = ("train", "validation", "test")


@dataclass(frozen=True)
class ImageIndex:
    """Image files with their labels, digests and splits, as columns.

    Attributes:
        class_names: The classes, in the order of the model's outputs.
        paths: `(rows,)` strings.
        labels: `(rows,)` int32, positions in `class_names`.
        splits: `(rows,)` int8, TRAIN, VALIDATION or TEST.
        digests: `(rows,)` SHA-256 of each file's content, 32 bytes each.
        contradictory: `(rows,)` bool, whether a copy has another class.
        groups: `(rows,)` numbers shared by copies and members of a group, which must stay
            in one split.
        is_grouped: Whether a column of a table defines groups.
        columns: Other columns of the tables: `(rows,)` strings by name, empty if missing.
        task: The task.
        targets: `(rows, names)` float32 in other tasks than classification: a number for
            each of `class_names`, which are then labels or measured quantities. Rows with
            equal numbers share their `labels`.
    """

    class_names: tuple[str, ...]
    paths: npt.NDArray[np.object_]
    labels: npt.NDArray[np.int32]
    splits: npt.NDArray[np.int8]
    digests: npt.NDArray[np.bytes_]
    contradictory: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.intp]
    is_grouped: bool = False
    columns: Mapping[str, npt.NDArray[np.object_]] = field(default_factory=dict)
    task: Task = "classification"
    targets: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self.paths)

    def where(self, mask: npt.NDArray[np.bool_]) -> "ImageIndex":
        """Returns the rows for which `mask` is true."""
        return dataclasses.replace(
            self,
            paths=self.paths[mask],
            labels=self.labels[mask],
            splits=self.splits[mask],
            digests=self.digests[mask],
            contradictory=self.contradictory[mask],
            groups=self.groups[mask],
            columns={name: cells[mask] for name, cells in self.columns.items()},
            targets=None if self.targets is None else self.targets[mask],
        )

    def class_counts(self, split: int) -> npt.NDArray[np.int64]:
        """Returns the number of rows of each class in a split, `(classes,)` int64.

        Labels count if they are 1, and numbers if they are finite.
        """
        chosen = self.splits == split
        if self.targets is None:
            return np.bincount(self.labels[chosen], minlength=len(self.class_names))
        targets = self.targets[chosen]
        counted = np.isfinite(targets) if self.task == "regression" else targets > 0
        return counted.sum(axis=0)

    def describe(self) -> str:
        """Returns how many images each split has, and of how many classes."""
        counts = np.bincount(self.splits, minlength=len(SPLIT_NAMES))
        parts = [f"{n} {name}" for n, name in zip(counts, SPLIT_NAMES, strict=True) if n]
        count = len(self.class_names)
        what = {
            "classification": f"in {count} classes",
            "multi_label": f"with labels from {count}",
            "regression": f"with {counted(count, 'number')} each",
        }
        return f"{', '.join(parts)} images {what[self.task]}"

    def kinds(self) -> Kinds:
        """Returns the strata of a split: classes, labels or ranges of numbers."""
        if self.targets is None:
            return kinds_of_classes(self.labels)
        if self.task == "regression":
            return kinds_of_numbers(self.targets)
        return kinds_of_labels(self.targets)

    def describe_target(self, row: int) -> str:
        """Describes the target of a row: `nv`, `hair|ruler`, `0.5|71`."""
        if self.targets is None:
            return self.class_names[self.labels[row]]
        values = self.targets[row].tolist()
        if self.task == "regression":
            return SEPARATOR.join(f"{value:.9g}" for value in values)
        return SEPARATOR.join(
            name for name, value in zip(self.class_names, values, strict=True) if value
        )
