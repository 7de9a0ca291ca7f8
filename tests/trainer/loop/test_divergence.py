"""A loss or gradient that is not a number ends the fit before it can do harm."""

import itertools
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import make_images, replicas
from keraunos import DivergedError, ImageData, Trainer
from keraunos.callbacks import Callback, ModelCheckpoint
from keraunos.core.bundle import read_bundle
from keraunos.strategies import Position, Replicas
from PIL import Image

STEPS, BAD_STEP, ROWS = 4, 6, 4
QUIET = {"progress_bar": None, "tensorboard": None}


class Poison(keras.layers.Layer):
    """Passes its inputs through, except for rows that begin with a mark.

    A mark of 1 gives NaN, one of 2 infinity, and one of 3 the inputs with a gradient
    that is NaN.
    """

    def call(self, inputs: Any) -> Any:
        mark, rest = inputs[:, :1], inputs[:, 1:]
        bad = tf.where(mark == 1, np.nan, tf.where(mark == 2, np.inf, 0.0))
        return _with_gradient_of(rest, mark) + tf.cast(bad, rest.dtype)


@tf.custom_gradient
def _with_gradient_of(values: Any, mark: Any) -> Any:
    def gradient(upstream: Any) -> Any:
        bad = tf.where(mark == 3, np.nan, 1.0)
        return upstream * tf.cast(bad, upstream.dtype), None

    return tf.identity(values), gradient


class Scaled(keras.layers.Layer):
    """Multiplies all columns but the first, which holds marks."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1] - 1,), initializer="ones")

    def call(self, inputs: Any) -> Any:
        return tf.concat([inputs[:, :1], inputs[:, 1:] * self.scale], axis=1)


def build() -> keras.Model:
    model = keras.Sequential([keras.Input((5,)), Scaled(), Poison()])
    model.compile("sgd", "mse")
    return model


def build_with_a_loss_scale() -> keras.Model:
    model = build()
    inner = keras.optimizers.SGD(0.01)
    model.compile(keras.optimizers.LossScaleOptimizer(inner, initial_scale=2.0**127), "mse")
    return model


def dataset(mark: int, row: int = 0) -> Any:
    """A function of epoch and batch; one batch of the second epoch has a mark in a row."""

    def batches(epoch: int, start_batch: int) -> tf.data.Dataset:
        random = np.random.default_rng(epoch)
        x = random.normal(size=(STEPS * ROWS, 5)).astype("float32")
        x[:, 0] = 0
        if epoch == 1:
            x[(BAD_STEP - STEPS - 1) * ROWS + row, 0] = mark
        y = random.normal(size=(STEPS * ROWS, 4)).astype("float32")
        whole = tf.data.Dataset.from_tensor_slices((x, y)).batch(ROWS)
        return whole.skip(start_batch)

    return batches


class Watch(Callback):
    """Keeps the weights after each step, and the error that ended the fit."""

    def reset(self) -> None:
        self.weights: list[Any] = []
        self.error: BaseException | None = None

    def on_train_step_end(self, run: Any) -> None:
        self.weights.append(run.model.get_weights()[0].copy())

    def on_exception(self, run: Any, error: BaseException) -> None:
        self.error, self.final = error, run.model.get_weights()[0].copy()


def diverge(directory: Path | None, mark: int, count: int = 1, **options: Any) -> Watch:
    """Fits until the marked batch, at which the fit must end."""
    watch = Watch()
    callbacks = {**QUIET, "watch": watch}
    if directory is not None:
        callbacks["model_checkpoint"] = ModelCheckpoint(every_n_steps=1)
    row = options.pop("row", 0)
    trainer = Trainer(
        strategy=replicas(count),
        run_dir=directory,
        max_epochs=3,
        callbacks=callbacks,
        **options,
    )
    with pytest.raises(DivergedError) as error:
        trainer.fit(build, dataset(mark, row))
    assert watch.error is error.value
    assert error.value.exit_code == 5
    assert f"those of step {BAD_STEP} (epoch 2, batch 2) are not" in str(error.value)
    assert "learning_rate=0.00999" in str(error.value)
    return watch


@pytest.mark.parametrize(
    ("mark", "count", "row"),
    [
        (1, 1, 3),
        pytest.param(2, 1, 0, marks=pytest.mark.slow),
        pytest.param(3, 1, 1, marks=pytest.mark.slow),
        pytest.param(1, 2, 3, marks=pytest.mark.slow),
        pytest.param(3, 4, 2, marks=pytest.mark.nightly),
    ],
    ids=["NaN", "infinity", "gradient", "last of 2 replicas", "gradient of one of 4"],
)
def test_diverging_step_ends_the_fit_and_is_not_applied(
    mark: int, count: int, row: int
) -> None:
    watch = diverge(None, mark, count, row=row)
    assert len(watch.weights) == BAD_STEP - 1
    assert np.isfinite(watch.final).all()
    np.testing.assert_array_equal(watch.final, watch.weights[-1])
    assert not np.array_equal(watch.weights[-1], watch.weights[-2])


def test_divergence_within_a_multi_step_call_names_the_exact_step() -> None:
    trainer = Trainer(
        strategy=replicas(1), max_epochs=3, steps_per_execution=16, callbacks=[]
    )
    with pytest.raises(DivergedError, match=f"those of step {BAD_STEP} ") as error:
        trainer.fit(build, dataset(1))
    assert error.value.exit_code == 5


def test_checkpoints_of_a_diverged_run_hold_only_finite_weights(tmp_path: Path) -> None:
    watch = diverge(tmp_path, mark=1)
    checkpoints = tmp_path / "checkpoints"
    last = max(path.name for path in checkpoints.glob("step-*"))
    assert last == "step-00000005-mid-epoch"
    assert (checkpoints / "best.txt").read_text() == "step-00000004\n"
    saved = read_bundle(checkpoints / last).arrays["weights"]
    assert all(np.isfinite(array).all() for array in saved.values())
    np.testing.assert_array_equal(next(iter(saved.values())), watch.weights[-1])
    record = json.loads((tmp_path / "diverged.json").read_text())
    assert record.pop("learning_rate") == pytest.approx(0.01)
    assert record == {"epoch": 2, "batch": 2, "step": BAD_STEP, "images": []}


@pytest.mark.slow
def test_diverged_run_resumes_just_before_the_diverging_step(
    tmp_path: Path,
) -> None:
    diverge(tmp_path, mark=3)
    again = diverge(tmp_path, mark=3)
    assert again.weights == []
    trainer = Trainer(
        strategy=replicas(1),
        run_dir=tmp_path,
        max_epochs=3,
        callbacks={**QUIET, "model_checkpoint": ModelCheckpoint(every_n_steps=1)},
    )
    assert trainer.fit(build, dataset(0)).is_finished  # the data were fixed


def image_model() -> keras.Model:
    """A model whose loss is infinite for an all-white image."""
    inputs = keras.Input((32, 32, 3))
    brightness = keras.layers.GlobalAveragePooling2D()(inputs)
    darkness = keras.ops.log((255.0 - brightness) / 255.0)
    outputs = keras.layers.Dense(2)(darkness)
    model = keras.Model(inputs, outputs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    return model


@pytest.mark.slow
@pytest.mark.feature("divergence")
@pytest.mark.parametrize(
    "class_balance", ["sampling", pytest.param("none", marks=pytest.mark.slow)]
)
def test_images_of_the_diverging_batch_are_named(
    class_balance: Any, tmp_path: Path
) -> None:
    folder = make_images(tmp_path / "images", {"cat": 9, "dog": 6})
    white = folder / "dog" / "white.png"
    Image.new("RGB", (40, 40), "white").save(white)
    data = ImageData.from_folder(
        folder,
        image_size=32,
        batch_size=3,
        validation_split=0.0,
        class_balance=class_balance,
        cache="memory",
        seed=2,
    )
    run = tmp_path / "run"
    trainer = Trainer(strategy=replicas(1), run_dir=run, callbacks=QUIET, max_epochs=5)
    with pytest.raises(DivergedError, match=r"diverged\.json names"):
        trainer.fit(image_model, data)
    record = json.loads((run / "diverged.json").read_text())
    assert str(white) in record["images"]
    assert record["images"] == images_of_batch(data, record["epoch"], record["batch"])


def images_of_batch(data: ImageData, epoch: int, batch: int) -> list[str]:
    """Names of the images of a batch, found by comparing pixels."""
    position = Position(epoch - 1, batch - 1, data.train.num_batches)
    batches = data.train.batches(position, Replicas.of(replicas(1)))
    [(part,)] = list(batches.take(1))
    known = {
        data.train.images(np.array([place])).tobytes(): name
        for place, name in enumerate(data.train.names)
    }
    return [known[image.tobytes()] for image in part.content["images"].numpy()]


@pytest.mark.slow
def test_steps_skipped_by_a_loss_scale_do_not_count_as_divergence() -> None:
    watch = Watch()
    trainer = Trainer(strategy=replicas(2), max_epochs=1, callbacks=[watch])
    result = trainer.fit(build_with_a_loss_scale, dataset(0))
    skipped = [
        np.array_equal(first, second) for first, second in itertools.pairwise(watch.weights)
    ]
    assert any(skipped)
    assert float(result.model.optimizer.dynamic_scale.numpy()) < 2.0**127
    assert result.stop_reason == "max_epochs=1 is reached"
