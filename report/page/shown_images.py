"""Chooses and encodes the test images of a report within a byte budget."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.names import visible
from ...data.files.thumbnails import thumbnail
from ...evaluation.evidence import Labeled
from ..explanations.readable_images import ReadableImages
from ..run_report import LoadImages

Rows = npt.NDArray[np.int64]

MOST_PER_CELL = 24
_AT_ONCE = 64


@dataclass
class Budget:
    """The budget for images of a page.

    Attributes:
        left: Number of bytes left.
        left_out: Number of images that did not fit.
        unreadable: Files that were moved or changed since they were scored.
    """

    left: int
    left_out: int = 0
    unreadable: list[str] = field(default_factory=list)

    def encode(self, pixels: npt.NDArray[np.uint8]) -> str:
        """Returns a thumbnail in Base64; empty if the budget is used up."""
        content = thumbnail(pixels) if self.left > 0 else ""
        self.left_out += not content
        self.left -= len(content)
        return content


def images_of_cells(test: Labeled, most_per_cell: int = MOST_PER_CELL) -> Rows:
    """Returns the rows of images for the cells of a confusion matrix, mistakes first.

    Each cell has its most confident predictions, at most `most_per_cell`.
    """
    cells = test.labels.astype(np.int64) * len(test.class_names) + test.predicted
    order = np.lexsort((-test.probabilities.max(axis=1), cells))
    ordered = cells[order]
    begun = np.searchsorted(ordered, ordered)  # start of the cell of each image
    shown = order[np.arange(len(order)) - begun < most_per_cell]
    is_right = test.labels[shown] == test.predicted[shown]
    return np.concatenate([shown[~is_right], shown[is_right]]).astype(np.int64)


def described_images(
    test: Labeled, load_images: LoadImages, rows: Rows, budget: Budget
) -> list[dict[str, Any]]:
    """Returns images with their descriptions, for the script of the page.

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


def _describe(test: Labeled, row: int) -> dict[str, Any]:
    return {
        "true": int(test.labels[row]),
        "predicted": int(test.predicted[row]),
        "name": visible(str(test.names[row])),
        "probability": round(float(test.probabilities[row].max()), 4),
        "contradictory": bool(test.contradictory[row]),
    }


def as_json(content: Any) -> str:
    r"""Returns JSON that is safe inside an HTML element.

    Example:
        >>> as_json({"name": "</script>"})
        '{"name":"\\u003c/script>"}'
    """
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def per_cell(test: Labeled, rows: Sequence[int]) -> dict[tuple[int, int], int]:
    """Counts these images by cell of the confusion matrix."""
    pairs = zip(test.labels[rows].tolist(), test.predicted[rows].tolist(), strict=True)
    counts: dict[tuple[int, int], int] = {}
    for pair in pairs:
        counts[pair] = counts.get(pair, 0) + 1
    return counts
