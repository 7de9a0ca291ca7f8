"""Finds images of a split that were deleted, changed or added since the run."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.names import some
from ..evaluation.comparisons.matching import FingerprintedImages
from .facts import read_rows

_UNKNOWN = {"", "0" * 64}
_SHOWN = 20


@dataclass(frozen=True)
class ImageChanges:
    """Differences of the files of a split from split.csv.

    Attributes:
        gone: Files of the split that no longer exist.
        changed: Files with changed content.
        new: Files that the run did not have in this split.
        trained_on: Files in the training or validation split of the run.
    """

    gone: Sequence[str] = ()
    changed: Sequence[str] = ()
    new: Sequence[str] = ()
    trained_on: Sequence[str] = ()

    def warnings(self) -> Iterator[str]:
        """Yields a sentence for each kind of change, with its files."""
        for files, what in (
            (
                self.trained_on,
                "in its training or validation split, so scores are too optimistic",
            ),
            (self.gone, "deleted since the run, and not scored"),
            (self.changed, "changed since the run"),
            (self.new, "scored, but not in the test split of the run"),
        ):
            if files:
                yield f"Test images {what} ({len(files):,}): {some(files, _SHOWN)}."


def find_changes(
    table: Path, images: FingerprintedImages, split: str = "test"
) -> ImageChanges:
    """Compares the current images of a split with those of a run.

    Memory use depends on the size of that split only.

    Args:
        table: The split.csv of the run.
        images: The current split.
        split: Its name in the table; images of other splits count as trained on.

    Raises:
        OSError: The table can't be read.
        ValueError: The table lacks a column.
    """
    names = map(os.path.abspath, images.names)
    left = dict(zip(names, images.digests, strict=True))
    by_digest = {digest: name for name, digest in left.items() if digest not in _UNKNOWN}
    gone, changed = [], []
    known, trained_on = set(), set()
    for row in read_rows(table):
        if not row.keys() >= {"path", "sha256", "split"}:
            raise ValueError("its columns must be path, sha256 and split")
        path, digest = row["path"], row["sha256"]
        if row["split"] != split:
            if digest in by_digest:
                trained_on.add(by_digest[digest])
        elif path in left:
            known.add(path)
            if left[path] != digest and not {left[path], digest} & _UNKNOWN:
                changed.append(path)
        elif digest in by_digest:  # a moved image
            known.add(by_digest[digest])
        else:
            gone.append(path)
    new = [name for name in left if name not in known]
    return ImageChanges(gone, changed, new, sorted(trained_on))
