"""Which images another run trained on, as its split.csv lists them."""

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
        digests: SHA-256 of the files, in hexadecimal digits.
        by_path: The same by absolute path; zeros of files that could not be read.
    """

    digests: frozenset[str]
    by_path: Mapping[str, str]

    def among(self, paths: Sequence[str], digests: Sequence[str]) -> list[int]:
        """The places of the images that the run trained on.

        Equal content is what counts; where a file was not opened on either side, its path.

        Args:
            paths: Of images.
            digests: SHA-256 of each, in hexadecimal digits.
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
        # With data.check=lazy a digest is that of place, size and time of change.
        unopened = {NO_DIGEST, unopened_digest(path).hex()}
        return not unopened.isdisjoint({digest, self.by_path[path]})


def read_trained_images(file: Path, setting: str) -> TrainedImages:
    """Reads which images a split.csv has in training.

    Args:
        file: The table.
        setting: What names the run that it is of, such as `"model.weights"`.

    Raises:
        DataError: It can't be used; all faults are listed.
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
    """Finds images that a run holds out and another one trained on, by split.

    Args:
        index: All images of the run.
        trained: What the other one trained on.
        all_folds: Whether each training image is held out, too, by another fold.
    """
    found: dict[str, list[str]] = {}
    for row in trained.among(index.paths.tolist(), hexadecimal(index.digests)):
        split = int(index.splits[row])
        if split != TRAIN or all_folds:
            name = "validation" if split == TRAIN else SPLIT_NAMES[split]
            found.setdefault(name, []).append(str(index.paths[row]))
    return found
