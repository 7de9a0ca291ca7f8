"""Panels of a report: images with maps of their predicted and true classes."""

from pathlib import PurePath

import numpy as np
import numpy.typing as npt

from ...core.names import printable
from ...evaluation.evidence import Labeled
from ...evaluation.finding import Panel
from .examples import Example
from .heat_maps import has_support, overlay, side_by_side, tile

Cams = npt.NDArray[np.float32]

_NOTHING = " (no evidence at this layer)"


def panel(
    test: Labeled, example: Example, image: npt.NDArray[np.uint8], cams: Cams | None
) -> Panel:
    """Creates the panel of a test image with its maps.

    Args:
        test: Predictions of the test split.
        example: The image and its heading.
        image: `(height, width, 3)` RGB, uint8.
        cams: `(2, rows, columns)` for the predicted and the true class, or None.
    """
    plain = tile(image)
    lines = _caption(test, example.row)
    tiles = [plain]
    for label, cam in _by_class(test, example.row, cams).items():
        name = test.class_names[label]
        if not np.isfinite(cam).all():
            lines.append(f"no map for {name}: its values are not finite")
            continue
        tiles.append(overlay(plain, cam))
        is_empty = not has_support(cam)
        lines.append(f"map {len(tiles) - 1}: {name}{_NOTHING * is_empty}")
    return Panel(example.heading, lines, side_by_side(tiles), example.row)


def _by_class(test: Labeled, row: int, cams: Cams | None) -> dict[int, Cams]:
    """Returns the maps of the predicted class and, if different, the true class."""
    if cams is None:
        return {}
    predicted = int(test.probabilities[row].argmax())
    return {predicted: cams[0]} | {int(test.labels[row]): cams[1]}


def _caption(test: Labeled, row: int) -> list[str]:
    predicted = int(test.probabilities[row].argmax())
    return [
        printable("/".join(PurePath(str(test.names[row])).parts[-2:])),
        f"true class: {test.class_names[test.labels[row]]}",
        f"predicted: {test.class_names[predicted]} "
        f"({test.probabilities[row, predicted]:.0%})",
    ]
