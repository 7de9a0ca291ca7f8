"""Which test images a report shows, and how many bytes they may take."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.names import visible
from ...data.files.thumbnails import thumbnail
from ...evaluation.evidence import Labelled
from ..explanations.readable_images import ReadableImages
from ..run_report import LoadImages

Rows = npt.NDArray[np.int64]

MOST_PER_CELL = 24
_AT_ONCE = 64


@dataclass
class Budget:
    """How many bytes of images still fit into a page.

    Attributes:
        left: Of what was given.
        left_out: How many images did not fit.
        unreadable: Files that were moved or changed since they were scored.
    """

    left: int
    left_out: int = 0
    unreadable: list[str] = field(default_factory=list)

    def encode(self, pixels: npt.NDArray[np.uint8]) -> str:
        """A thumbnail in Base64; empty where it does not fit any more."""
        content = thumbnail(pixels) if self.left > 0 else ""
        self.left_out += not content
        self.left -= len(content)
        return content


def images_of_cells(test: Labelled, most_per_cell: int = MOST_PER_CELL) -> Rows:
    """Rows of the images behind a confusion matrix, mistakes before the rest.

    Of each cell the most confident predictions, at most `most_per_cell`.
    """
    cells = test.labels.astype(np.int64) * len(test.class_names) + test.predicted
    order = np.lexsort((-test.probabilities.max(axis=1), cells))
    ordered = cells[order]
    begun = np.searchsorted(ordered, ordered)  # where the cell of each begins
    shown = order[np.arange(len(order)) - begun < most_per_cell]
    is_right = test.labels[shown] == test.predicted[shown]
    return np.concatenate([shown[~is_right], shown[is_right]]).astype(np.int64)


def described_images(
    test: Labelled, load_images: LoadImages, rows: Rows, budget: Budget
) -> list[dict[str, Any]]:
    """Images with what is said of them, for the page's own program.

    Returns:
        For each image that fits: `true` and `predicted` (classes by number), its `name`,
        the `probability` of the prediction, whether it is `contradictory`, and the `jpeg`
        in Base64.
    """
    found = []
    reader = ReadableImages(SimpleNamespace(images=load_images), _AT_ONCE)
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        if budget.left <= 0:
            budget.left_out += len(some)
            continue
        for chunk in reader.chunks(some):
            for row, pixels in zip(chunk.rows.tolist(), chunk.images, strict=True):
                content = budget.encode(pixels)
                if content:
                    found.append(_describe(test, row) | {"jpeg": content})
    budget.unreadable += [str(test.names[row]) for row in reader.problems]
    return found


def _describe(test: Labelled, row: int) -> dict[str, Any]:
    return {
        "true": int(test.labels[row]),
        "predicted": int(test.predicted[row]),
        "name": visible(str(test.names[row])),
        "probability": round(float(test.probabilities[row].max()), 4),
        "contradictory": bool(test.contradictory[row]),
    }


def as_json(content: Any) -> str:
    r"""JSON that can stand within an element of HTML, whatever names are in it.

    Example:
        >>> as_json({"name": "</script>"})
        '{"name":"\\u003c/script>"}'
    """
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def per_cell(test: Labelled, rows: Sequence[int]) -> dict[tuple[int, int], int]:
    """How many of these images each cell of the confusion matrix has."""
    pairs = zip(test.labels[rows].tolist(), test.predicted[rows].tolist(), strict=True)
    counts: dict[tuple[int, int], int] = {}
    for pair in pairs:
        counts[pair] = counts.get(pair, 0) + 1
    return counts
