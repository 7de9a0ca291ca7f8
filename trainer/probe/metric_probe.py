"""Compares metrics of a whole batch with those that replicas put together."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...strategies import Replicas
from ...strategies.replica_values import copy_replica_values
from ..step.metric_internals import (
    metric_results,
    metric_variables,
    reset_metrics,
    update_metrics,
)
from ..step.metric_values import JOIN, single_values, with_unique_names
from .differences import Difference, compare
from .one_pass import Seen, rows_of

_REMEDY = (
    "A metric must take values of single examples and keep their sums, like those of "
    "keras.metrics: update_state adds, result divides."
)
Updates = Mapping[int, Any]  # by the id of a variable


class MetricProbe:
    """Updates the metrics of a model with a batch, at once and in parts.

    Both see the same outputs, so that no rank or threshold can flip by rounding. The
    metrics are reset, as before the first step; after that values stand in for them.

    Args:
        model: Built and compiled.
        strategy: In whose scope the model was built.

    Attributes:
        variables: The state of all metrics.
    """

    def __init__(self, model: keras.Model, strategy: tf.distribute.Strategy) -> None:
        self._model = model
        self._replicas = Replicas.of(strategy)
        self.variables = metric_variables(model)
        reset_metrics(model)
        inner = {str(n): each.value for n, each in enumerate(self.variables)}
        copies = copy_replica_values(strategy, inner).values()
        self._starts = [
            [_of_replica(number, copy) for copy in copies]
            for number in range(self._replicas.total)
        ]

    def differences(
        self,
        seen: Seen | None,
        nudged: Seen | None,
        updates: tuple[Updates, Sequence[Updates], Updates],
        floor: float,
    ) -> list[Difference]:
        """The metrics that differ between a batch and its parts.

        Args:
            seen: A batch of two rows for each replica and one more, and outputs for it;
                None if compiled metrics are not updated.
            nudged: The same with last bits changed.
            updates: What layers made of metrics that they hold: of the whole batch, on
                each replica, and of the nudged batch.
            floor: A relative difference that counts for nothing.
        """
        whole, own, other = updates
        num_rows = 2 * self._replicas.total + 1
        parts = [
            self.updated(
                seen and rows_of(seen, self._replicas.rows(replica, num_rows)),
                own[replica],
                start,
            )
            for replica, start in enumerate(self._starts)
        ]
        states = self.updated(seen, whole), self._joined(parts), self.updated(nudged, other)
        values, cut, noisy = map(self._results, states)
        return [
            difference
            for name, value in values.items()
            for difference in compare(
                f"metric {name!r}", _REMEDY, value, cut[name], noisy[name], floor
            )
        ]

    def updated(
        self,
        seen: Seen | None,
        updates: Updates | None = None,
        start: Sequence[Any] | None = None,
    ) -> list[Any]:
        """The state after some rows.

        Args:
            seen: The rows, or None.
            updates: What layers made of metrics that they hold.
            start: The state before, of all replicas together by default.
        """
        start = self._joined(self._starts) if start is None else start
        pairs = list(zip(self.variables, start, strict=True))
        with keras.StatelessScope(pairs) as scope:
            if seen is not None:
                (_, targets, weights), predictions = seen
                update_metrics(self._model, targets, predictions, weights)
        held = updates or {}
        return [
            np.asarray(held.get(id(each), scope.get_current_value(each)))
            for each in self.variables
        ]

    def _joined(self, states: Sequence[Sequence[Any]]) -> list[Any]:
        """What is read of variables that have a value on each replica."""
        columns = zip(*states, strict=True)
        return [
            JOIN[variable.aggregation](np.stack(values), axis=0)
            for variable, values in zip(self.variables, columns, strict=True)
        ]

    def _results(self, states: Sequence[Any]) -> dict[str, float]:
        results = metric_results(self._model, states)
        return with_unique_names(pair for each in results for pair in single_values(each))


def _of_replica(number: int, values: Any) -> Any:
    """A replica's value; all share that of a variable that was made outside the scope."""
    return values[number] if number < len(values) else np.zeros_like(values[0])
