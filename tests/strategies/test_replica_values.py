"""Values of a metric are restored on the replicas that they came from."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas
from keraunos.strategies.replica_values import assign_replica_values, copy_replica_values


def metric_variable(strategy: tf.distribute.Strategy, values: list[float]) -> tf.Variable:
    """A variable that is summed over replicas when it is read, as those of metrics are."""
    with strategy.scope():
        variable = tf.Variable(
            0.0,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )
    for each, value in zip(
        strategy.experimental_local_results(variable), values, strict=True
    ):
        each.assign(value)
    return variable


def copy_of(strategy: tf.distribute.Strategy, variable: tf.Variable) -> np.ndarray:
    return copy_replica_values(strategy, {"total": variable})["total"]


# Their sum in float32 depends on how they are grouped.
VALUES = [1.0, 2.0**-24, 2.0**-24, 3.0]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_each_replica_restores_its_own_value(count: int) -> None:
    strategy = replicas(count)
    saved = copy_of(strategy, metric_variable(strategy, VALUES[:count]))
    assert saved.tolist() == VALUES[:count]
    other = metric_variable(strategy, [7.0] * count)
    assign_replica_values(strategy, other, saved)
    assert copy_of(strategy, other).tolist() == VALUES[:count]


@pytest.mark.parametrize(("before", "after"), [(4, 2), (2, 4), (2, 1), (1, 4)])
def test_sum_is_preserved_on_a_different_number_of_replicas(
    before: int, after: int
) -> None:
    saved = np.float32([5.0, 2.0, 11.0, 1.0][:before])
    strategy = replicas(after)
    variable = metric_variable(strategy, [7.0] * after)
    assign_replica_values(strategy, variable, saved)
    values = copy_of(strategy, variable)
    assert values.tolist() == [saved.sum()] + [0.0] * (after - 1)
    assert float(variable.read_value()) == saved.sum()
