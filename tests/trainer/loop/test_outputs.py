from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas
from keraunos.trainer.contracts import LabeledSource
from keraunos.trainer.loop.outputs import as_predictions, collect

STRATEGY = tf.distribute.OneDeviceStrategy("/cpu:0")


class Labeled:
    """Five examples of two classes."""

    names = ("a.png", "b.png", "c.png", "d.png", "e.png")
    labels = np.array([0, 1, 0, 1, 1], "int32")
    class_names = ("cat", "dog")


def steps_of(*batches: Any) -> Any:
    """A step that returns one batch after another, and ends as `tf.data` does."""

    def each() -> Iterator[Any]:
        yield from batches
        raise tf.errors.OutOfRangeError(None, None, "End of sequence")

    iterator = each()
    return lambda: tf.nest.map_structure(tf.constant, next(iterator))


def test_outputs_are_concatenated_until_the_data_ends() -> None:
    joined = collect(
        STRATEGY, steps_of(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0]])), None
    )
    assert joined.tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def test_outputs_keep_their_structure() -> None:
    first = {"kind": np.array([1, 2]), "sizes": (np.array([[0.5], [1.5]]),)}
    second = {"kind": np.array([3]), "sizes": (np.array([[2.5]]),)}
    joined = collect(STRATEGY, steps_of(first, second), None)
    assert joined["kind"].tolist() == [1, 2, 3]
    assert joined["sizes"][0].tolist() == [[0.5], [1.5], [2.5]]


def test_only_the_requested_number_of_steps_runs() -> None:
    between: list[None] = []
    step = steps_of(np.array([1]), np.array([2]), np.array([3]))
    joined = collect(STRATEGY, step, 2, between_calls=lambda: between.append(None))
    assert joined.tolist() == [1, 2]
    assert len(between) == 2
    assert int(step()[0]) == 3


@pytest.mark.parametrize("count", [2, 4])
def test_replica_outputs_are_concatenated_in_replica_order(count: int) -> None:
    strategy = replicas(count)

    @tf.function(autograph=False)
    def step() -> Any:
        def on_replica() -> Any:
            context = tf.distribute.get_replica_context()
            replica = tf.get_static_value(context.replica_id_in_sync_group)
            return tf.fill((count - 1 - replica,), int(replica))

        return strategy.run(on_replica)

    expected = np.repeat(np.arange(count), np.arange(count)[::-1])
    assert collect(strategy, step, 1).tolist() == expected.tolist()


def test_predictions_are_paired_with_example_names() -> None:
    assert isinstance(Labeled(), LabeledSource)
    outputs = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    predictions = as_predictions(Labeled(), outputs)  # of a limited number of batches
    assert list(predictions.names) == ["a.png", "b.png", "c.png"]
    assert list(predictions.labels) == [0, 1, 0]
    assert predictions.scores()["accuracy"] == pytest.approx(2 / 3)
