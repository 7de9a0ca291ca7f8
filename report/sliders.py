"""Counts at each threshold, for the sliders of a page."""

from typing import Any

from ..evaluation.finding import Finding


def threshold_tables(finding: Finding) -> list[dict[str, Any]]:
    """Of each class or group its thresholds with counts, and which one was chosen."""
    del finding
    return []
