"""Recognizes missing values in tables."""

_MISSING = frozenset(["nan", "na", "n/a", "<na>", "#n/a", "null", "none", "?", "-"])


def is_missing(text: str) -> bool:
    """Returns whether a cell contains a common marker of missing values, such as `NaN`.

    Example:
        >>> is_missing("NaN"), is_missing("nevus")
        (True, False)
    """
    return text.strip().casefold() in _MISSING
