from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from keraunos.strategies.dataset_internals import (
    asserts_cardinality,
    is_unseeded,
    reading_ahead,
    skip_orders,
)
from keraunos.strategies.tensorflow_internals import preserved_global_seed
from tensorflow.python.eager import context

Dataset = tf.data.Dataset
OPTIONS = tf.data.Options()


def shuffled(seed: int = 1) -> tf.data.Dataset:
    return tf.data.Dataset.range(10).shuffle(10, seed=seed)


def chosen_at_random() -> tf.data.Dataset:
    return tf.data.Dataset.sample_from_datasets(
        [shuffled(), shuffled(2)], seed=3, rerandomize_each_iteration=True
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: shuffled().batch(3).prefetch(1),
        lambda: shuffled().interleave(lambda n: tf.data.Dataset.range(n)).shuffle(4, 2),
        lambda: shuffled().cache().shuffle(4, seed=2),
        lambda: shuffled().cache(),
        lambda: shuffled().repeat(2).batch(3),
        lambda: shuffled().concatenate(shuffled(2)),
        chosen_at_random,
    ],
    ids=["batch", "two shuffles", "cache", "only cache", "repeat", "concatenate", "choice"],
)
def test_skip_orders(make):
    def order(dataset: tf.data.Dataset) -> list[Any]:
        return [each.numpy().tolist() for each in dataset]

    whole, resumed = make(), make()
    expected = [order(whole) for _ in range(3)][-1]
    skip_orders(resumed, 2)
    assert order(resumed) == expected


def files_at_random(folder: Path) -> tf.data.Dataset:
    (folder / "a").touch()
    return Dataset.list_files(str(folder / "*"))


def without_order() -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = False
    return Dataset.range(9).with_options(options).batch(2)


@pytest.mark.parametrize(
    ("make", "unseeded"),
    [
        (lambda _: Dataset.range(9).batch(2), False),
        (lambda _: Dataset.range(9).shuffle(9, seed=0).batch(2), False),
        (lambda _: Dataset.range(9).shuffle(9).map(lambda n: n).batch(2).prefetch(1), True),
        (lambda _: Dataset.range(9).shuffle(9, reshuffle_each_iteration=False), True),
        (lambda _: shuffled().concatenate(Dataset.range(9).shuffle(9)), True),
        (lambda _: Dataset.sample_from_datasets([shuffled(), shuffled(2)]), True),
        (lambda _: chosen_at_random(), False),
        (lambda _: Dataset.range(9).shuffle(9).cache(), True),
        (lambda folder: Dataset.range(9).shuffle(9).cache(str(folder / "kept")), False),
        (files_at_random, True),
        (lambda _: without_order(), True),
    ],
)
def test_is_unseeded(
    make: Callable[[Path], tf.data.Dataset], unseeded: bool, tmp_path: Path
) -> None:
    with preserved_global_seed():
        context.set_global_seed(None)  # others may have left one
        assert is_unseeded(make(tmp_path)) == unseeded


def test_shuffle_with_a_global_seed_is_not_unseeded() -> None:
    with preserved_global_seed():
        tf.random.set_seed(3)
        assert not is_unseeded(Dataset.range(9).shuffle(9))


def doubled(dataset: tf.data.Dataset) -> tf.data.Dataset:
    return dataset.map(lambda number: 2 * number)


def test_asserts_cardinality():
    promised = shuffled().apply(tf.data.experimental.assert_cardinality(10))
    assert asserts_cardinality(Dataset.zip(shuffled(), promised).batch(3).prefetch(1))
    assert not asserts_cardinality(Dataset.zip(shuffled(), shuffled(2)).batch(3))


@pytest.mark.parametrize(
    ("make", "does"),
    [
        (lambda: Dataset.range(6).prefetch(2), True),
        (lambda: doubled(Dataset.range(6).prefetch(2)), True),
        (lambda: doubled(Dataset.range(6).prefetch(2).with_options(OPTIONS)), True),
        (lambda: doubled(Dataset.range(6)), False),
        (lambda: doubled(doubled(Dataset.range(6).prefetch(2))), False),
        (lambda: Dataset.range(6).prefetch(2).take(4), False),
    ],
    ids=["prefetch", "map", "options", "nothing", "second map", "take"],
)
def test_reading_ahead(make, does):
    dataset = make()
    found = reading_ahead(dataset)
    assert (found is dataset) == does
    assert list(found.as_numpy_iterator()) == list(dataset.as_numpy_iterator())
