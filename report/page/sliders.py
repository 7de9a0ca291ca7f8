"""Tables of counts at each threshold, for the slider of a page."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

_COLUMNS = ("thresholds", "true_positives", "false_positives")


def threshold_tables(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the thresholds of each class or group, with counts of test images.

    Args:
        values: Values of the finding of `OperatingPoints`; other entries are ignored.

    Returns:
        For each, `name`, `positives`, `negatives`, the columns of the curve, `start` (the
        first row shown) and `chosen` (the threshold of the operating point, or None).

    Example:
        >>> curve = {"thresholds": [0.9, 0.6, 0.2], "true_positives": [1, 2, 2],
        ...     "false_positives": [0, 0, 3]}
        >>> cat = {"positives": 2, "negatives": 3, "curve": curve}
        >>> threshold_tables({"cat": cat})[0]["start"]
        1
    """
    return [
        {
            "name": name,
            "positives": each["positives"],
            "negatives": each["negatives"],
            **{column: each["curve"][column] for column in _COLUMNS},
            "start": _row_of(each["curve"]["thresholds"], _chosen(each)),
            "chosen": _chosen(each),
        }
        for name, each in values.items()
        if _is_table(each)
    ]


def _is_table(value: Any) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("curve"), Mapping):
        return False
    columns = [value["curve"].get(name) for name in _COLUMNS]
    lengths = {len(each) if isinstance(each, Sequence) else 0 for each in columns}
    return {"positives", "negatives"} <= value.keys() and len(lengths) == 1 and all(lengths)


def _chosen(each: Mapping[str, Any]) -> float | None:
    point = each.get("operating_point")
    return point["threshold"] if isinstance(point, Mapping) else None


def _row_of(thresholds: Sequence[float], wanted: float | None) -> int:
    """Returns the row of the wanted threshold, 0.5 by default."""
    least = 0.5 if wanted is None else wanted
    return max(bisect_right([-each for each in thresholds], -least) - 1, 0)
