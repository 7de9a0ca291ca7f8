"""The table of all image files of a run: one row a file."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

TRAIN, VALIDATION, TEST = 0, 1, 2
SPLIT_NAMES = ("train", "validation", "test")


@dataclass(frozen=True)
class ImageIndex:
    """Image files with their labels, fingerprints and splits, as columns.

    Attributes:
        class_names: The classes, in the order of the model's outputs.
        paths: `(rows,)` strings.
        labels: `(rows,)` int32, positions in `class_names`.
        splits: `(rows,)` int8, TRAIN, VALIDATION or TEST.
        digests: `(rows,)` SHA-256 of each file's content, 32 bytes each.
        contradictory: `(rows,)` bool, whether a copy is filed under another class.
        groups: `(rows,)` numbers that copies and members of a group share: what must not
            be divided.
        is_grouped: Whether a column of a table says who belongs to a group.
        columns: Other columns of the tables: `(rows,)` text by name, empty where there is
            no value.
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

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.paths)

    def where(self, mask: npt.NDArray[np.bool_]) -> "ImageIndex":
        """The rows for which `mask` is true."""
        return dataclasses.replace(
            self,
            paths=self.paths[mask],
            labels=self.labels[mask],
            splits=self.splits[mask],
            digests=self.digests[mask],
            contradictory=self.contradictory[mask],
            groups=self.groups[mask],
            columns={name: cells[mask] for name, cells in self.columns.items()},
        )

    def class_counts(self, split: int) -> npt.NDArray[np.int64]:
        """`(classes,)` int64: how many rows of a split each class has."""
        labels = self.labels[self.splits == split]
        return np.bincount(labels, minlength=len(self.class_names))
