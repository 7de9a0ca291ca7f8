"""Sources of batches, and how batches are split for replicas."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import examples, replicas
from keraunos import ImageData
from keraunos.strategies import Position, Replicas, own_part
from keraunos.trainer.setup.datasets import DatasetSource
from keraunos.trainer.step.batches import Batches, cut, next_with_wait, unpack

FIRST_OF_FOUR = Replicas(total=4, first=0, local=4)


def numbers(count: int, batch_size: int = 4) -> tf.data.Dataset:
    return tf.data.Dataset.range(count).batch(batch_size)


def rows(batches: tf.data.Dataset) -> list[list[int]]:
    """The rows of each batch, those of all replicas one after the other."""
    return [[int(n) for part in parts for n in part.content] for parts in batches]


def test_batches_are_split_by_the_rows_of_each_replica() -> None:
    for parts, size in zip(cut(numbers(13, 10), FIRST_OF_FOUR), (10, 3), strict=True):
        for replica, part in enumerate(parts):
            own = np.arange(10)[:size][FIRST_OF_FOUR.rows(replica, size)]
            np.testing.assert_array_equal(np.asarray(part.content) % 10, own)
            assert int(part.repeats) == FIRST_OF_FOUR.repeats(size)


def test_process_receives_only_the_parts_of_its_own_replicas() -> None:
    (parts,) = cut(numbers(9, 9), Replicas(total=4, first=2, local=2))
    assert [part.content.numpy().tolist() for part in parts] == [[4, 5], [6, 7, 8]]


TWO_WORKERS_OF_TWO = [Replicas(total=4, first=first, local=2) for first in (0, 2)]


@pytest.mark.slow
@pytest.mark.parametrize("size", range(1, 10))
def test_two_workers_with_two_replicas_each_divide_a_batch(size: int) -> None:
    ((first,), (second,)) = (rows(cut(numbers(size, size), r)) for r in TWO_WORKERS_OF_TWO)
    ((whole,),) = [rows(cut(numbers(size, size), FIRST_OF_FOUR))]
    assert first + second == whole
    assert whole == [*range(size)] * FIRST_OF_FOUR.repeats(size)


def test_two_workers_with_two_replicas_each_divide_image_batches(
    image_folder: Path,
) -> None:
    """Twenty-four in batches of seven: the last has fewer than there are replicas."""
    train = ImageData.from_folder(
        image_folder / "train", image_size=32, batch_size=7, augmentation=None
    ).train
    first, second = (train.batches(Position(), r).take(4) for r in TWO_WORKERS_OF_TWO)
    whole = train.batches(Position(), Replicas()).take(4)
    for *parts, (batch,) in zip(first, second, whole, strict=True):
        own = [part for each in parts for part in each]
        expected = batch.content["images"].numpy()
        own = own if len(expected) >= 4 else own[-1:]
        assert {int(part.repeats) for part in own} == {1 if len(expected) >= 4 else 4}
        joined = np.concatenate([part.content["images"] for part in own])
        np.testing.assert_array_equal(joined, expected)


def test_every_tensor_of_an_element_is_split_alike() -> None:
    words = tf.ragged.constant([[1, 2], [3], [], [4, 5], [6]])
    element = ({"words": words, "number": tf.range(5)}, tf.range(5, 10))
    batched = tf.data.Dataset.from_tensors(element)
    ((_, last),) = cut(batched, Replicas(total=2, first=0, local=2))
    inputs, targets = last.content
    assert inputs["words"].to_list() == [[], [4, 5], [6]]
    assert inputs["number"].numpy().tolist() == [2, 3, 4]
    assert targets.numpy().tolist() == [7, 8, 9]


def test_elements_are_unpacked_as_in_model_fit() -> None:
    x, y, w = examples(3)
    assert unpack(x) == (x, None, None)
    assert unpack((x, y)) == (x, y, None)
    assert unpack((x, y, w)) == (x, y, w)
    assert unpack(({"a": x}, y)) == ({"a": x}, y, None)


def read(batches: Batches, position: Position, steps: int) -> list[list[int]]:
    """The next batches inside a `tf.function`, one row of numbers per replica."""
    iterator = batches.start(position)

    @tf.function(autograph=False)
    def step() -> Any:
        parts, _ = next_with_wait(iterator)
        return parts

    return [[int(n) for part in step() for n in part.content] for _ in range(steps)]


def test_finite_source_restarts_each_epoch() -> None:
    batches = Batches(replicas(2), DatasetSource(numbers(10)))
    assert read(batches, Position(epoch=0), 2) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert read(batches, Position(epoch=1), 1) == [[0, 1, 2, 3]]


def test_infinite_source_resumes_at_its_position() -> None:
    batches = Batches(replicas(2), DatasetSource(numbers(12).repeat()))
    assert read(batches, Position(0, 0, 2), 2) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert read(batches, Position(1, 0, 2), 2) == [[8, 9, 10, 11], [0, 1, 2, 3]]


def test_each_replica_takes_its_own_part() -> None:
    strategy = replicas(4)
    iterator = Batches(strategy, DatasetSource(numbers(10, 10))).start(Position())

    @tf.function(autograph=False)
    def step() -> Any:
        parts, _ = next_with_wait(iterator)
        return strategy.run(lambda each: own_part(each).content, args=(parts,))

    found = strategy.experimental_local_results(step())
    assert [each.numpy().tolist() for each in found] == [
        [0, 1],
        [2, 3, 4],
        [5, 6],
        [7, 8, 9],
    ]


def waits(milliseconds: int) -> list[float]:
    """The wait for each batch if producing one takes this long."""

    def slow(batch: Any) -> Any:
        return tf.numpy_function(lambda each: _after(milliseconds, each), [batch], tf.int64)

    source = DatasetSource(
        numbers(12).map(lambda batch: tf.ensure_shape(slow(batch), [None]))
    )
    iterator = Batches(replicas(1), source).start(Position())

    @tf.function(autograph=False)
    def step() -> Any:
        _, seconds = next_with_wait(iterator)
        return seconds

    return [float(step()) for _ in range(3)]


def _after(milliseconds: int, value: Any) -> Any:
    import time

    time.sleep(milliseconds / 1000)
    return value


def test_waiting_for_slow_data_is_measured() -> None:
    assert sum(waits(100)) > 0.1


def test_single_replica_batches_pass_through_unchanged() -> None:
    """TensorFlow drops stages that do nothing from the pipeline."""
    dataset = numbers(10)
    ((first,), *_) = cut(dataset, Replicas())
    assert first.content.numpy().tolist() == [0, 1, 2, 3]
    assert first.repeats is None


def test_all_epochs_of_a_dataset_share_one_pipeline() -> None:
    source = DatasetSource(numbers(10))
    whole = source.batches(Position(), FIRST_OF_FOUR)
    assert source.batches(Position(epoch=3), FIRST_OF_FOUR) is whole
    assert source.batches(Position(), Replicas()) is not whole
    rest = rows(source.batches(Position(0, 1), FIRST_OF_FOUR))
    assert rest == rows(whole)[1:]
