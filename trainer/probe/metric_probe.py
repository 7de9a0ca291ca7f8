"""Compares the metrics of a whole batch with those combined from replicas."""

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
    "A metric must keep sums of values of single examples, like those of keras.metrics: "
    "update_state adds, result divides."
)
Updates = Mapping[int, Any]  # by the id of a variable


class MetricProbe:
    """Updates the metrics of a model with a whole batch and with its parts.

    Both use the same outputs, so that rounding can't flip a rank or a threshold. The
    metrics are reset, as before the first step; updates don't change them.

    Args:
        model: The model, built and compiled.
        strategy: The strategy in whose scope the model was built.

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
            [_replica_value(number, copy) for copy in copies]
            for number in range(self._replicas.total)
        ]

    def differences(
        self,
        seen: Seen | None,
        nudged: Seen | None,
        updates: tuple[Updates, Sequence[Updates], Updates],
        floor: float,
    ) -> list[Difference]:
        """Returns the metrics that differ between a batch and its parts.

        Args:
            seen: A batch with two rows per replica and one more, and the outputs for it;
                None if compiled metrics are not updated.
            nudged: The same with its last bits changed.
            updates: States of metrics that layers hold, after the whole batch, after the
                part of each replica, and after the nudged batch.
            floor: Relative difference that is ignored.
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
        states = (
            self.updated(seen, whole),
            self._combine_replicas(parts),
            self.updated(nudged, other),
        )
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
        """Computes the state of the metrics after some rows.

        Args:
            seen: The rows, or None.
            updates: States of metrics that layers hold.
            start: The state before; by default that of all replicas combined.
        """
        start = self._combine_replicas(self._starts) if start is None else start
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

    def _combine_replicas(self, states: Sequence[Sequence[Any]]) -> list[Any]:
        """Combines the values that variables have on each replica."""
        columns = zip(*states, strict=True)
        return [
            JOIN[variable.aggregation](np.stack(values), axis=0)
            for variable, values in zip(self.variables, columns, strict=True)
        ]

    def _results(self, states: Sequence[Any]) -> dict[str, float]:
        results = metric_results(self._model, states)
        return with_unique_names(pair for each in results for pair in single_values(each))


def _replica_value(number: int, values: Any) -> Any:
    """Returns the value of a replica; zeros after the first if all share one value."""
    return values[number] if number < len(values) else np.zeros_like(values[0])
