"""What `Trainer` does with each of its arguments and kinds of data."""

import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import (
    classifier,
    examples,
    largest_difference,
    make_images,
    replicas,
    weights_of,
)
from keraunos import ConfigError, DivergedError, Trainer
from keraunos.callbacks import Callback
from one_trace import one_trace


def dataset(count: int = 21, batch_size: int = 4) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(examples(count)[:2]).batch(batch_size)


def trainer(count: int = 1, **options: Any) -> Trainer:
    return Trainer(strategy=replicas(count), **{"callbacks": [], **options})


class Fitted(NamedTuple):
    """What a fit leaves once the next one trains the same model."""

    weights: list[np.ndarray]
    history: dict[str, list[float]]


def fitted(data: Any, validation_data: Any = None, **options: Any) -> Fitted:
    """A fit of the classifier, which shares one trace with all others."""
    with one_trace(1, "classifier") as strategy:
        made = Trainer(strategy=strategy, **{"callbacks": [], **options})
        result = made.fit(classifier(), data, validation_data=validation_data)
    return Fitted(weights_of(result.model), result.history)


class Steps(Callback):
    """Keeps the step and the epoch at the end."""

    every_n_steps = None

    def on_fit_end(self, run: Any) -> None:
        self.step, self.epoch = run.step, run.epoch

    def on_exception(self, run: Any, error: BaseException) -> None:
        self.on_fit_end(run)


@pytest.mark.slow
@pytest.mark.feature("stop by steps, epochs or time")
@pytest.mark.parametrize(
    ("options", "steps", "epochs"),
    [
        ({"max_epochs": 2}, 12, 2),
        ({"max_epochs": 5, "max_steps": 7}, 7, 2),
        ({"max_epochs": 2, "limit_train_batches": 4}, 8, 2),
        ({"max_epochs": 1, "limit_train_batches": 0.5}, 3, 1),
        ({"max_epochs": 2, "limit_train_batches": 99}, 12, 2),
        ({"max_epochs": 5, "steps_per_execution": 4, "max_steps": 9}, 9, 2),
        ({"fast_dev_run": True, "max_epochs": 9}, 1, 1),
    ],
)
def test_limits_of_steps_epochs_and_batches_are_respected(
    options: Any, steps: int, epochs: int
) -> None:
    counted = Steps()
    fitted(dataset(), callbacks=[counted], **options)
    assert (counted.step, counted.epoch) == (steps, epochs)


@pytest.mark.feature("limited batches")
def test_limit_val_batches_validates_on_the_first_batches_only() -> None:
    limited = trainer(max_epochs=1, limit_val_batches=2)
    result = limited.fit(classifier(), dataset(), validation_data=dataset())
    measured = trainer().validate(result.model, dataset().take(2))
    assert result.history["val_loss"][0] == pytest.approx(measured["loss"], rel=1e-6)


@pytest.mark.slow
@pytest.mark.feature("limited batches")
def test_fast_dev_run_writes_no_files(tmp_path: Path) -> None:
    quick = trainer(fast_dev_run=True, run_dir=tmp_path / "run")
    quick.fit(classifier(), dataset(), validation_data=dataset())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.feature("several steps per call")
@pytest.mark.parametrize("steps_per_execution", [4, 16, "auto"])
def test_steps_per_execution_does_not_change_the_result(steps_per_execution: Any) -> None:
    one, other = (
        fitted(dataset(), steps_per_execution=steps, max_epochs=2)
        for steps in (1, steps_per_execution)
    )
    assert largest_difference(one.weights, other.weights) == 0


def test_infinite_dataset_continues_where_the_last_epoch_ended() -> None:
    endless = dataset(20).repeat()
    chunked = fitted(endless, max_epochs=5, limit_train_batches=2)
    whole = fitted(dataset(20), max_epochs=2)
    assert largest_difference(chunked.weights, whole.weights) == 0


def test_infinite_dataset_without_a_limit_is_refused() -> None:
    endless = dataset().repeat()
    for data in (endless, lambda epoch, start_batch: endless):
        with pytest.raises(ConfigError, match=r"limit_train_batches=None"):
            trainer().fit(classifier(), data)
    with pytest.raises(ConfigError, match=r"limit_val_batches=None"):
        trainer().fit(classifier(), dataset(), validation_data=endless)
    with pytest.raises(ConfigError, match=r"limit_val_batches=None"):
        trainer().validate(classifier()(), endless)
    for ask in (trainer().test, trainer().predict):
        with pytest.raises(ConfigError, match=r"must be finite.*\.take"):
            ask(classifier()(), endless)


def test_fit_inside_a_strategy_scope_is_refused() -> None:
    with (
        replicas(2).scope(),
        pytest.raises(ConfigError, match=r"outside of.*Move the call"),
    ):
        trainer().fit(classifier(), dataset())


def test_dataset_of_unknown_length_trains_like_one_of_known_length() -> None:
    unknown = dataset().filter(lambda x, y: True)
    expected = fitted(dataset(), max_epochs=3)
    result = fitted(unknown, validation_data=unknown, max_epochs=3)
    assert largest_difference(result.weights, expected.weights) < 1e-6


@pytest.mark.feature("data position")
def test_function_of_epoch_and_start_batch_trains_like_a_dataset() -> None:
    asked = []

    def function(epoch: int, start_batch: int) -> tf.data.Dataset:
        asked.append((epoch, start_batch))
        return dataset().skip(start_batch)

    result, expected = (fitted(data, max_epochs=2) for data in (function, dataset()))
    assert largest_difference(result.weights, expected.weights) == 0
    assert asked[-2:] == [(0, 0), (1, 0)]


@pytest.mark.slow
def test_cached_keras_image_dataset_is_read_once(tmp_path: Path) -> None:
    folder = make_images(tmp_path, {"cat": 7, "dog": 6}, size=16)
    reads = []
    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=(16, 16), batch_size=4, seed=0
    )

    def count(x: Any, y: Any) -> Any:
        tf.numpy_function(lambda: reads.append(1), [], [])
        return x, y

    cached = dataset.map(count).cache().prefetch(tf.data.AUTOTUNE)

    def build() -> keras.Model:
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((16, 16, 3)),
                layers.Rescaling(1 / 255),
                layers.Flatten(),
                layers.Dense(2, "softmax"),
            ]
        )
        model.compile(
            keras.optimizers.Adam(0.01),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        return model

    result = trainer(max_epochs=12).fit(build, cached, validation_data=cached)
    assert len(reads) == 4
    assert result.history["val_accuracy"][-1] > 0.9


@pytest.mark.feature("separate stages")
@pytest.mark.parametrize("count", [1, 2, 4])
def test_predictions_are_in_the_order_of_the_data(count: int) -> None:
    x, _, _ = examples(21)
    with replicas(count).scope():
        model = classifier()()
    got = trainer(count).predict(model, dataset())
    np.testing.assert_allclose(got, np.asarray(model(x)), rtol=1e-5)
    assert got.shape == (21, 3)


def test_predictions_keep_the_structure_of_the_outputs() -> None:
    inputs = keras.Input((5,))
    outputs = {name: keras.layers.Dense(2)(inputs) for name in ("first", "second")}
    model = keras.Model(inputs, outputs)
    got = trainer(1).predict(model, dataset(9))
    assert {name: values.shape for name, values in got.items()} == {
        "first": (9, 2),
        "second": (9, 2),
    }


@pytest.mark.feature("separate stages")
@pytest.mark.slow
def test_validate_and_test_equal_keras_evaluate() -> None:
    result = trainer(2, max_epochs=1).fit(classifier(), dataset())
    weights = weights_of(result.model)
    plain = classifier()()
    plain.set_weights(weights)
    expected = plain.evaluate(dataset(13), return_dict=True, verbose=0)
    assert trainer(2).validate(result.model, dataset(13)) == pytest.approx(expected, 1e-5)
    scores = trainer(2).test(result.model, dataset(13)).scores
    assert scores == pytest.approx(expected, 1e-5)
    assert largest_difference(weights, weights_of(result.model)) == 0


def test_repeated_fits_of_one_trainer_are_independent() -> None:
    once = trainer(max_epochs=2)
    first, second = (once.fit(classifier(), dataset()) for _ in range(2))
    assert largest_difference(weights_of(first.model), weights_of(second.model)) == 0
    assert first.history["loss"] == second.history["loss"]


def test_trainer_has_no_side_effects_before_use(tmp_path: Path) -> None:
    threads = threading.active_count()
    Trainer(run_dir=tmp_path / "new", strategy="mirrored", devices=99)
    assert not (tmp_path / "new").exists()
    assert threading.active_count() == threads


@pytest.mark.slow
@pytest.mark.feature("speed")
def test_waiting_for_slow_data_is_measured() -> None:
    def slowly(x: Any, y: Any) -> Any:
        (x,) = tf.numpy_function(lambda v: (time.sleep(0.05), v)[1:], [x], [x.dtype])
        return tf.ensure_shape(x, (None, 5)), y

    slow = fitted(dataset(40).map(slowly), max_epochs=1).history
    fast = fitted(dataset(40), max_epochs=1).history
    assert slow["data_wait_seconds"][0] > 0.2
    assert slow["data_wait_seconds"][0] < slow["seconds"][0]
    assert fast["examples_per_second"][0] > 0  # and "images_per_second" of images
    assert fast["data_wait_seconds"][0] < slow["data_wait_seconds"][0] / 2


def test_non_finite_loss_ends_the_fit_at_that_step() -> None:
    x, y, _ = examples(20)
    x[9, 0] = np.nan
    bad = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    steps = Steps()
    with pytest.raises(DivergedError, match=r"step 3 \(epoch 1, batch 3\)"):
        fitted(bad, max_epochs=2, callbacks=[steps])
    assert steps.step == 3


@pytest.mark.slow
def test_describe_builds_but_neither_trains_nor_writes(tmp_path: Path) -> None:
    dry = trainer(max_epochs=3, run_dir=tmp_path / "run")
    lines = "\n".join(dry.describe(classifier(), dataset()))
    assert "6 per epoch, at most 3 epochs" in lines
    assert "39 parameters" in lines
    unknown = trainer(max_epochs=1).describe(
        classifier(), dataset().filter(lambda *_: True)
    )
    assert any(
        "unknown until the first epoch ends, at most 1 epoch" in line for line in unknown
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_describe_reports_the_number_of_replicas() -> None:
    assert any(
        "2 replicas" in line for line in trainer(2).describe(classifier(), dataset())
    )
