"""Reading the first rows does not change what is read later."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keraunos import ImageData
from keraunos.strategies import Position, Replicas
from keraunos.trainer.probe.first_rows import first_rows
from keraunos.trainer.setup.begun_dataset import BegunDataset
from keraunos.trainer.setup.datasets import as_source
from keraunos.trainer.setup.overfitting import SameBatches


def shuffled() -> tf.data.Dataset:
    return tf.data.Dataset.range(10).shuffle(10, seed=3).batch(4)


def order(source: Any, epochs: int = 2) -> list[list[int]]:
    """The examples of each epoch."""
    return [
        [
            int(n)
            for (part,) in source.batches(Position(e), Replicas())
            for n in part.content
        ]
        for e in range(epochs)
    ]


@pytest.mark.parametrize("count", [3, 7, 10, 23])
def test_reading_first_rows_keeps_the_order_of_a_shuffled_dataset(count: int) -> None:
    expected = order(as_source(shuffled(), "data"))
    assert expected[0] != expected[1]
    source = as_source(shuffled(), "data")
    rows = first_rows(source, count).numpy().tolist()
    assert rows == (expected[0] * 3)[:count]
    assert first_rows(source, count).numpy().tolist() == rows
    assert order(source) == expected


def test_a_generator_is_read_once() -> None:
    def numbers() -> Iterator[int]:
        starts.append(1)
        yield from range(5)

    starts: list[int] = []
    signature = tf.TensorSpec((), tf.int64)
    dataset = tf.data.Dataset.from_generator(numbers, output_signature=signature).batch(2)
    source = as_source(dataset, "data")
    assert first_rows(source, 3).numpy().tolist() == [0, 1, 2]
    assert order(source, epochs=1) == [[0, 1, 2, 3, 4]]
    assert len(starts) == 1


def test_reading_first_rows_does_not_shift_an_infinite_dataset() -> None:
    source = as_source(shuffled().repeat(), "data")
    other = as_source(shuffled().repeat(), "data")
    first_rows(source, 5)
    later = Position(0, batch=2, batches_per_epoch=3)
    got, expected = (
        [
            part.content.numpy().tolist()
            for (part,) in each.batches(later, Replicas()).take(3)
        ]
        for each in (source, other)
    )
    assert got == expected


def test_first_rows_of_repeated_batches_keep_their_order() -> None:
    expected = order(SameBatches(as_source(shuffled(), "data"), 1))
    source = SameBatches(as_source(shuffled(), "data"), 1)
    assert first_rows(source, 6).numpy().tolist() == (expected[0] * 2)[:6]
    assert order(source) == expected


def test_ragged_rows_and_dicts_keep_their_structure() -> None:
    ragged = tf.RaggedTensor.from_row_lengths(range(9), [2, 0, 3, 4])
    data = {"words": ragged, "length": np.array([2, 0, 3, 4])}
    source = as_source(tf.data.Dataset.from_tensor_slices(data).batch(2), "data")
    rows = first_rows(source, 5)
    assert rows["words"].to_list() == [[0, 1], [], [2, 3, 4], [5, 6, 7, 8], [0, 1]]
    assert rows["length"].numpy().tolist() == [2, 0, 3, 4, 2]


def test_rows_of_another_width_are_left_out() -> None:
    def batches() -> Iterator[np.ndarray]:
        yield np.ones((2, 3), np.float32)
        yield np.ones((2, 4), np.float32)

    signature = tf.TensorSpec((None, None), tf.float32)
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    assert first_rows(as_source(dataset, "data"), 5).shape == (5, 3)


@pytest.mark.slow
def test_empty_dataset_has_no_first_rows() -> None:
    empty = tf.data.Dataset.range(3).filter(lambda number: number > 5).batch(2)
    assert first_rows(as_source(empty, "data"), 5) is None


def test_first_rows_of_images_equal_the_start_of_the_first_batch(image_folder: Any) -> None:
    data = ImageData.from_folder(image_folder / "train", image_size=32, batch_size=8)
    images, labels, _ = data.train.prepare(first_rows(data.train, 5))
    batch = next(iter(data.train.batches(Position(), Replicas())))[0].content
    expected, expected_labels, _ = data.train.prepare(batch)
    np.testing.assert_array_equal(images, expected[:5])
    np.testing.assert_array_equal(labels, expected_labels[:5])


def test_begun_dataset_still_yields_every_batch() -> None:
    begun = BegunDataset(shuffled())
    assert begun.from_the_start().element_spec == shuffled().element_spec
    assert sum(1 for _ in begun.from_the_start()) == 3
