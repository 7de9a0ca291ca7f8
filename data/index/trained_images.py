"""Finds images that another run trained on, from its split.csv."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..files.read_file import unopened_digest
from .image_index import SPLIT_NAMES, TRAIN, ImageIndex
from .split_csv import NO_DIGEST, hexadecimal, read_rows


@dataclass(frozen=True)
class TrainedImages:
    """The training images of a run.

    Attributes:
        digests: Hexadecimal SHA-256 of the files.
        by_path: The same by absolute path; zeros for files that could not be read.
    """

    digests: frozenset[str]
    by_path: Mapping[str, str]

    def among(self, paths: Sequence[str], digests: Sequence[str]) -> list[int]:
        """Returns the positions of images that the run trained on.

        Images are compared by content, or by path if one of the runs did not open the file.

        Args:
            paths: Paths of images.
            digests: Hexadecimal SHA-256 of each.
        """
        return [
            place
            for place, (path, digest) in enumerate(zip(paths, digests, strict=True))
            if self._holds(os.path.abspath(path), digest)
        ]

    def _holds(self, path: str, digest: str) -> bool:
        if digest in self.digests:
            return True
        if path not in self.by_path:
            return False
        # With data.check=lazy, digests cover path, size and change time.
        unopened = {NO_DIGEST, unopened_digest(path).hex()}
        return not unopened.isdisjoint({digest, self.by_path[path]})


def read_trained_images(file: Path, setting: str) -> TrainedImages:
    """Reads the training images of a split.csv.

    Args:
        file: The table.
        setting: The setting that names its run, such as `"model.weights"`.

    Raises:
        DataError: The table can't be used; all faults are listed.
    """
    by_path = {
        os.path.abspath(row["path"]): (row.get("sha256") or NO_DIGEST).lower()
        for row in read_rows(file, setting)
        if row["split"] == SPLIT_NAMES[TRAIN]
    }
    return TrainedImages(frozenset(by_path.values()) - {NO_DIGEST}, by_path)


def held_out_among(
    index: ImageIndex, trained: TrainedImages, all_folds: bool
) -> dict[str, list[str]]:
    """Finds held-out images of a run that another run trained on, by split.

    Args:
        index: All images of the run.
        trained: The training images of the other run.
        all_folds: Whether training images count, too, because other folds hold them out.
    """
    found: dict[str, list[str]] = {}
    for row in trained.among(index.paths.tolist(), hexadecimal(index.digests)):
        split = int(index.splits[row])
        if split != TRAIN or all_folds:
            name = "validation" if split == TRAIN else SPLIT_NAMES[split]
            found.setdefault(name, []).append(str(index.paths[row]))
    return found
