"""Errors for unknown metric names."""

from collections.abc import Iterable

from .errors import ConfigError, message
from .names import did_you_mean


class UnknownMetricError(ConfigError):
    """There is no metric with the monitored name.

    Attributes:
        metric: The unknown name.
        known: The names of existing metrics.
    """

    metric: str = ""
    known: tuple[str, ...] = ()


def unknown_metric(setting: str, metric: str, known: Iterable[str]) -> UnknownMetricError:
    """Returns the error to raise for an unknown metric.

    Args:
        setting: The setting that names the metric.
        metric: The unknown name.
        known: The names of existing metrics.
    """
    names = tuple(known)
    is_validated = any(name.startswith("val_") for name in names)
    lacks_data = metric.startswith("val_") and not is_validated
    error = UnknownMetricError(
        message(
            f"`{setting}` must be one of {', '.join(names)}.",
            "There is no validation data." if lacks_data else did_you_mean(metric, names),
            **{setting: metric},
        )
    )
    error.metric, error.known = metric, names
    return error
