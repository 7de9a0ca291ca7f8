"""Iterators over tuned datasets, which TensorFlow may take up to a minute to delete."""

import threading
import weakref
from typing import Any

import keraunos as kr
import pytest
import tensorflow as tf
from helpers import classifier, examples, replicas
from keraunos.strategies import Position
from keraunos.trainer.setup.datasets import DatasetSource
from keraunos.trainer.step import batches as step_batches

BATCHES, EPOCHS = 3, 2


class Deletions:
    """Deletes iterators at once, and records whether nothing else refers to them."""

    def __init__(self) -> None:
        self.were_complete: list[bool] = []

    def delete(self, iterators: list[Any]) -> None:
        (resource,) = tf.nest.flatten(iterators, expand_composites=True)
        reference = weakref.ref(resource)
        del resource
        iterators.clear()
        self.were_complete.append(reference() is None)


@pytest.fixture
def deletions(monkeypatch: pytest.MonkeyPatch) -> Deletions:
    found = Deletions()
    monkeypatch.setattr(step_batches, "delete_in_background", found.delete)
    return found


def labeled(rows: int = 4 * BATCHES) -> tf.data.Dataset:
    inputs, labels, _ = examples(rows)
    return tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(4)


def fit(training: tf.data.Dataset, validation: Any = None, **settings: Any) -> None:
    trainer = kr.Trainer(
        max_epochs=EPOCHS,
        strategy=replicas(1),
        callbacks={"progress_bar": None},
        **settings,
    )
    trainer.fit(classifier(), training, validation_data=validation)


def test_fit_leaves_exhausted_iterators_to_a_thread(deletions: Deletions) -> None:
    fit(labeled(), labeled(8))
    assert deletions.were_complete == [True] * 2 * EPOCHS


def test_iterators_of_unknown_length_are_left_to_a_thread_at_their_end(
    deletions: Deletions,
) -> None:
    fit(labeled().filter(lambda *_: True))
    assert deletions.were_complete == [True] * EPOCHS


def not_tuned() -> tf.data.Dataset:
    options = tf.data.Options()
    options.autotune.enabled = False
    return labeled().with_options(options)


@pytest.mark.parametrize(
    ("training", "settings"),
    [(labeled(), {"limit_train_batches": 2}), (not_tuned(), {})],
    ids=["not exhausted", "not tuned"],
)
def test_other_iterators_are_deleted_at_once(
    training: tf.data.Dataset, settings: dict[str, Any], deletions: Deletions
) -> None:
    fit(training, **settings)
    assert deletions.were_complete == []


def test_more_data_than_the_asserted_number_of_batches_is_no_error(
    deletions: Deletions,
) -> None:
    endless = labeled().repeat().apply(tf.data.experimental.assert_cardinality(BATCHES))
    fit(endless, endless)
    assert deletions.were_complete == []


def test_cache_file_is_complete_when_the_next_epoch_starts(tmp_path: Any) -> None:
    """An iterator that still writes the file would let the next one fail."""
    fit(labeled().cache(str(tmp_path / "cache")), limit_train_batches=2)
    fit(labeled().cache(str(tmp_path / "other")))


def test_iterator_is_deleted_in_the_background() -> None:
    batches = step_batches.Batches(replicas(1), DatasetSource(labeled()))
    iterator = batches.start(Position())
    assert len(list(iterator)) == BATCHES
    reference = weakref.ref(iterator)
    del iterator
    batches.finish(is_read=True)
    for thread in threading.enumerate():
        if thread.name == "keraunos-iterators":
            thread.join(timeout=60)
    assert reference() is None
