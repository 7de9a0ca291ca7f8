"""Monitors a metric: finds its value, and compares values."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..configs.choices import Mode
from ..core.errors import ConfigError, message
from ..core.metric_names import unknown_metric

if TYPE_CHECKING:
    from .run_state import RunState

_SMALLER_IS_BETTER = (
    "loss",
    "error",
    "entropy",
    "divergence",
    "mse",
    "mae",
    "mape",
    "rmse",
)
_LARGER_IS_BETTER = ("acc", "auc", "precision", "recall", "f1", "iou", "r2", "score")


class Monitor:
    """Monitors one metric.

    Args:
        name: Name of the metric, such as `"val_loss"`.
        mode: Whether small (`"min"`) or large (`"max"`) values are good; `"auto"` decides
            by the name.
        min_delta: Changes up to this value are not improvements.
        setting: The name of the setting in messages, such as `"objective"` in a search.

    Raises:
        ConfigError: `mode` is unknown, or `"auto"` can't be derived from the name.

    Example:
        >>> Monitor("val_accuracy").is_better(0.9, than=0.8)
        True
    """

    def __init__(
        self,
        name: str,
        mode: Mode = "auto",
        min_delta: float = 0.0,
        setting: str = "monitor",
    ) -> None:
        self.name = name
        self.mode = _direction(name, setting) if mode == "auto" else mode
        self.min_delta = min_delta
        if self.mode not in ("min", "max"):
            raise ConfigError(
                message("`mode` must be auto, min or max.", mode=mode, **{setting: name})
            )

    def value(self, metrics: Mapping[str, float]) -> float:
        """Returns the value of the metric.

        Raises:
            UnknownMetricError: There is no such metric; the message lists the existing
                ones.
        """
        if self.name not in metrics:
            raise unknown_metric("monitor", self.name, metrics)
        return metrics[self.name]

    def measured(self, run: "RunState") -> float | None:
        """Returns the value in this epoch; None for epochs without the needed validation.

        Raises:
            ConfigError: There is no such metric.
        """
        if run.skipped_validation and self.name.startswith("val_"):
            return None
        return self.value(run.metrics)

    def reaches(self, value: float, threshold: float) -> bool:
        """Returns whether `value` is at least as good as `threshold`; NaN never is."""
        return value <= threshold if self.mode == "min" else value >= threshold

    def is_better(self, value: float, than: float | None) -> bool:
        """Returns whether `value` is better; anything except NaN is better than None."""
        if than is None:
            return value == value
        gain = than - value if self.mode == "min" else value - than
        return gain > self.min_delta

    def best(self, values: Sequence[float]) -> tuple[int, float] | None:
        """Returns the best epoch, counted from 1, and its value; None if all are NaN.

        Example:
            >>> Monitor("val_loss").best([0.9, 0.5, 0.7])
            (2, 0.5)
        """
        best: tuple[int, float] | None = None
        for epoch, value in enumerate(values, 1):
            if self.is_better(value, best and best[1]):
                best = epoch, value
        return best


def _direction(name: str, setting: str) -> str:
    """Derives the mode from the first known word: the rest may be the name of a class."""
    words = name.lower()
    if words.endswith(("loss", "error")):
        return "min"
    places = {
        words.index(word): mode
        for mode, known in (("max", _LARGER_IS_BETTER), ("min", _SMALLER_IS_BETTER))
        for word in known
        if word in words
    }
    if places:
        return places[min(places)]
    raise ConfigError(
        message(
            f"`{setting}` must be a metric whose name tells whether lower or higher is "
            "better.",
            "Add mode=min or mode=max.",
            **{setting: name},
        )
    )
