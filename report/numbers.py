"""Formats numbers for reports."""

from typing import Any

from ..evaluation.text import NO_WIDTH


def shown(value: Any) -> str:
    """Formats a value of a table: three decimals, thousands separators, "-" for none.

    Example:
        >>> [shown(each) for each in (0.12345, 1200, None, "nevus", True, [1, 2])]
        ['0.123', '1,200', '-', 'nevus', 'yes', '1, 2']
    """
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    if isinstance(value, float):
        return f"{value:.3f}" if value == 0 or 0.001 <= abs(value) < 1e6 else f"{value:.3g}"
    return str(value)


def with_interval(values: dict[str, Any]) -> str:
    """Formats a score with its interval, if it has one.

    Example:
        >>> with_interval({"value": 0.5, "low": 0.4, "high": 0.6})
        '0.500 (0.400 to 0.600)'
    """
    if values["low"] is None:
        return shown(values["value"])
    if values["low"] == values["high"]:
        return f"{shown(values['value'])} ({NO_WIDTH})"
    return f"{shown(values['value'])} ({shown(values['low'])} to {shown(values['high'])})"
