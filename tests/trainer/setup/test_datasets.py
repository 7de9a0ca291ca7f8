"""Datasets and functions as sources of batches."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keraunos import ConfigError
from keraunos.strategies import Position, Replicas
from keraunos.trainer.contracts import BatchSource
from keraunos.trainer.setup.datasets import DatasetSource, FunctionSource, as_source


def numbers(count: int, batch_size: int = 4) -> tf.data.Dataset:
    return tf.data.Dataset.range(count).batch(batch_size)


def shuffled(epoch: int, start_batch: int) -> tf.data.Dataset:
    """The numbers below 10 in the order of an epoch."""
    order = np.random.default_rng(epoch).permutation(10)
    return tf.data.Dataset.from_tensor_slices(order).batch(4).skip(start_batch)


def rows(batches: tf.data.Dataset) -> list[list[int]]:
    """The rows of each batch, those of all replicas one after the other."""
    return [[int(n) for part in parts for n in part.content] for parts in batches]


def test_finite_dataset_resumes_at_a_batch_of_any_epoch() -> None:
    source = DatasetSource(numbers(10))
    assert (source.num_batches, source.is_endless) == (3, False)
    assert rows(source.batches(Position(epoch=5, batch=1), Replicas())) == [
        [4, 5, 6, 7],
        [8, 9],
    ]


def test_shuffled_dataset_is_read_in_the_order_of_its_epoch() -> None:
    def reshuffled() -> tf.data.Dataset:
        return tf.data.Dataset.range(10).shuffle(10, seed=1).batch(4)

    def epoch(dataset: tf.data.Dataset, number: int) -> list[list[int]]:
        source = DatasetSource(dataset)
        source.go_to_epoch(number)
        source.go_to_epoch(number)
        return rows(source.batches(Position(number), Replicas()))

    whole, resumed = reshuffled(), reshuffled()
    expected = [epoch(whole, number) for number in range(4)]
    assert expected[0] != expected[2] != expected[3]
    assert epoch(resumed, 2) == expected[2]
    assert epoch(resumed, 3) == expected[3]  # another fit, on the dataset of the first


def test_infinite_dataset_resumes_after_all_previous_epochs() -> None:
    source = DatasetSource(numbers(12).repeat())
    assert (source.num_batches, source.is_endless) == (None, True)
    position = Position(epoch=2, batch=1, batches_per_epoch=5)
    assert rows(source.batches(position, Replicas()).take(2)) == [
        [8, 9, 10, 11],
        [0, 1, 2, 3],
    ]


def test_dataset_of_unknown_length_is_accepted() -> None:
    odd = numbers(10).filter(lambda batch: tf.size(batch) > 0)
    source = DatasetSource(odd)
    assert (source.num_batches, source.is_endless) == (None, False)
    assert len(rows(source.batches(Position(), Replicas()))) == 3


def test_function_is_called_with_epoch_and_start_batch() -> None:
    source = FunctionSource.of(shuffled)
    assert (source.num_batches, source.is_endless) == (3, False)
    whole = rows(source.batches(Position(epoch=3), Replicas()))
    assert whole != rows(source.batches(Position(epoch=4), Replicas()))
    assert rows(source.batches(Position(epoch=3, batch=1), Replicas())) == whole[1:]


@pytest.mark.parametrize("made", [numbers(10), shuffled, DatasetSource(numbers(10))])
def test_datasets_functions_and_sources_are_accepted(made: Any) -> None:
    source = as_source(made, "data")
    assert isinstance(source, BatchSource)
    assert source.num_batches == 3
    assert as_source(source, "data") is source


def test_other_types_are_refused_with_the_argument_name() -> None:
    with pytest.raises(ConfigError, match="validation_data='ndarray'"):
        as_source(np.zeros((4, 5)), "validation_data")


@pytest.mark.parametrize(
    "wrap", [DatasetSource, lambda d: FunctionSource.of(lambda e, b: d)]
)
def test_sparse_tensors_are_refused(wrap: Any) -> None:
    sparse = tf.data.Dataset.from_tensors(({"x": tf.sparse.eye(3)}, tf.range(3)))
    with pytest.raises(ConfigError, match=r"tf\.sparse\.to_dense"):
        wrap(sparse)
