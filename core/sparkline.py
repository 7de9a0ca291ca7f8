"""Draws a curve in one line of text."""

import itertools
import math
from collections.abc import Sequence

LEVELS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """Draws values from left to right, the smallest as ▁ and the largest as █.

    Args:
        values: The values; those that are not finite are left out.
        width: Maximum number of columns; neighbors are averaged if there are more values.

    Returns:
        The curve; empty for fewer than two values.

    Example:
        >>> sparkline([4.0, 2.0, 1.0, 0.5], width=10)
        '█▄▂▁'
    """
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2 or width < 2:
        return ""
    points = _averaged(finite, min(width, len(finite)))
    low, high = min(points), max(points)
    scale = (len(LEVELS) - 1) / (high - low) if high > low else 0.0
    return "".join(LEVELS[round((point - low) * scale)] for point in points)


def _averaged(values: Sequence[float], count: int) -> list[float]:
    edges = [n * len(values) // count for n in range(count + 1)]
    return [math.fsum(values[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
