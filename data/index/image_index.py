"""The table of all image files of a run: one row a file."""

import dataclasses
from dataclasses import dataclass

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
    """

    class_names: tuple[str, ...]
    paths: npt.NDArray[np.object_]
    labels: npt.NDArray[np.int32]
    splits: npt.NDArray[np.int8]
    digests: npt.NDArray[np.bytes_]
    contradictory: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.intp]

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.paths)

    def where(self, mask: npt.NDArray[np.bool_]) -> "ImageIndex":
        """The rows for which `mask` is true."""
        columns = {
            field.name: getattr(self, field.name)[mask]
            for field in dataclasses.fields(self)
            if field.name != "class_names"
        }
        return dataclasses.replace(self, **columns)

    def class_counts(self, split: int) -> npt.NDArray[np.int64]:
        """`(classes,)` int64: how many rows of a split each class has."""
        labels = self.labels[self.splits == split]
        return np.bincount(labels, minlength=len(self.class_names))
