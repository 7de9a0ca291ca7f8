import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keraunos.trainer.probe.held_randomness import held_randomness

SEED = keras.random.SeedGenerator(1)
layers = keras.layers
DRAWS: dict[str, Callable[[Any], Any]] = {
    "normal": lambda x: x + keras.random.normal(tf.shape(x), seed=SEED),
    "uniform of each row": lambda x: keras.random.uniform(tf.shape(x), 0.0, x, seed=SEED),
    "randint": lambda x: keras.random.randint(tf.shape(x), 0, 9, seed=SEED),
    "truncated": lambda x: keras.random.truncated_normal(tf.shape(x), seed=SEED),
    "categorical": lambda x: keras.random.categorical(x, 2, seed=SEED),
    "gamma": lambda x: keras.random.gamma(tf.shape(x), 2.0, seed=SEED),
    "beta": lambda x: keras.random.beta(tf.shape(x), 2.0, 3.0, seed=SEED),
    "binomial": lambda x: keras.random.binomial(tf.shape(x), 5.0, 0.3, seed=SEED),
    "shuffle of columns": lambda x: keras.random.shuffle(x, axis=1, seed=SEED),
    "TensorFlow's normal": lambda x: x + tf.random.normal(tf.shape(x), 1.0, 2.0),
    "TensorFlow's uniform": lambda x: tf.random.uniform(tf.shape(x), seed=3),
    "TensorFlow's dropout": lambda x: tf.nn.dropout(x, 0.5),
    "Dropout": lambda x: layers.Dropout(0.5)(x, training=True),
    "GaussianNoise": lambda x: layers.GaussianNoise(0.5)(x, training=True),
}


@pytest.mark.parametrize("name", DRAWS)
def test_rows_draw_the_same_numbers_in_a_part_as_in_the_whole_batch(name: str) -> None:
    rows = tf.reshape(tf.linspace(0.1, 2.0, 20), (5, 4))
    with held_randomness():
        whole, part = DRAWS[name](rows), DRAWS[name](rows[2:])
    np.testing.assert_array_equal(whole[2:], part)


def test_held_randomness_restores_all_random_state() -> None:
    before = random.getstate(), np.random.get_state()[1].tolist(), tf.nn.dropout
    with held_randomness():
        random.random()
        np.random.random()
        assert tf.nn.dropout is not before[2]
    assert (random.getstate(), np.random.get_state()[1].tolist(), tf.nn.dropout) == before
    rows = tf.ones((3, 100))
    assert not np.array_equal(DRAWS["normal"](rows), DRAWS["normal"](rows))
