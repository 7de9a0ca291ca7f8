"""What stands in tables where there is no value."""

_MISSING = frozenset(["nan", "na", "n/a", "<na>", "#n/a", "null", "none", "?", "-"])


def is_missing(text: str) -> bool:
    """Whether a cell holds what programs write where there is no value.

    Example:
        >>> is_missing("NaN"), is_missing("nevus")
        (True, False)
    """
    return text.strip().casefold() in _MISSING
