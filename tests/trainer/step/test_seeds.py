"""What the generators are set to; tests/trainer/test_randomness.py trains with them."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas
from keraunos.trainer.step.keras_internals import seed_generators
from keraunos.trainer.step.seeds import set_seeds


def two_dropouts() -> keras.Model:
    return keras.Sequential(
        [keras.Input((64,)), keras.layers.Dropout(0.5), keras.layers.Dropout(0.5)]
    )


def states(count: int, seed: int, step: int) -> Any:
    """The state of each generator on each replica, as one row each."""
    strategy = replicas(count)
    with strategy.scope():
        model = two_dropouts()

    @tf.function(autograph=False)
    def run(step: tf.Tensor) -> None:
        strategy.run(lambda: set_seeds(model, seed, step))

    run(tf.constant(step, tf.int64))
    rows = [
        local.numpy()
        for generator in seed_generators(model)
        for local in strategy.experimental_local_results(generator.state.value)
    ]
    return np.array(rows)


def rows_of(*arrays: Any) -> list[tuple[int, ...]]:
    return [tuple(map(int, row)) for array in arrays for row in array]


def test_states_differ_by_generator_replica_step_and_seed() -> None:
    drawn = rows_of(*(states(2, seed, step) for seed in (0, 1) for step in (0, 1, 2**30)))
    assert len(set(drawn)) == len(drawn) == 2 * 3 * 2 * 2


@pytest.mark.feature("random state")
@pytest.mark.parametrize("seed", [0, 7, 2**31 - 1])
def test_the_state_is_a_function_of_seed_replica_and_step_alone(seed: int) -> None:
    first = states(2, seed, 5)
    np.testing.assert_array_equal(states(2, seed, 5), first)
    keras.utils.set_random_seed(99)
    np.testing.assert_array_equal(states(2, seed, 5), first)


def test_first_replica_has_the_same_state_as_a_single_replica() -> None:
    np.testing.assert_array_equal(states(2, 3, 4)[::2], states(1, 3, 4))


def test_plain_keras_draws_the_same_mask_on_all_replicas() -> None:
    """Why generators are set."""
    strategy = replicas(2)
    with strategy.scope():
        dropout = keras.layers.Dropout(0.5)

    @tf.function(autograph=False)
    def run() -> Any:
        return strategy.run(lambda: dropout(tf.ones((64,)), training=True))

    first, second = strategy.experimental_local_results(run())
    np.testing.assert_array_equal(first, second)
