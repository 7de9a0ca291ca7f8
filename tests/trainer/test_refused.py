"""What is refused, and with which words: the second table of docs/keras.md."""

from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf
from helpers import classifier, examples, replicas
from keraunos import ConfigError, Trainer


def dataset() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(examples(9)[:2]).batch(4)


def refused(
    builder: Any, words: str, data: Any = None, validation_data: Any = None
) -> None:
    trainer = Trainer(strategy=replicas(1), max_epochs=1, callbacks=[])
    with pytest.raises(ConfigError, match=words):
        trainer.fit(
            builder, dataset() if data is None else data, validation_data=validation_data
        )


def compiled(**options: Any) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, "softmax")])
        model.compile(**{"loss": "sparse_categorical_crossentropy", **options})
        return model

    return build


class OwnStep(keras.Model):
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


class OwnLoss(keras.Model):
    def compute_loss(self, **arguments: Any) -> Any:
        return super().compute_loss(**arguments)


def subclassed(kind: type[keras.Model]) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        inputs = keras.Input((5,))
        model = kind(inputs, keras.layers.Dense(3, "softmax")(inputs))
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    return build


def test_a_model_with_its_own_train_step() -> None:
    refused(subclassed(OwnStep), r"leave train_step as Keras has it.*training_step")


def test_a_model_with_its_own_compute_loss() -> None:
    refused(subclassed(OwnLoss), r"leave compute_loss as Keras has it.*training_step")


def test_a_loss_that_returns_one_value_for_the_batch() -> None:
    def mean(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(keras.ops.square(y_pred))

    refused(compiled(loss=mean), "each example")


def test_a_loss_without_a_reduction() -> None:
    loss = keras.losses.SparseCategoricalCrossentropy(reduction=None)
    refused(compiled(loss=loss), r"reduction=None.*sum_over_batch_size")


def test_a_model_that_is_not_compiled() -> None:
    refused(
        lambda: keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)]),
        r"compiled with an optimizer.*model\.compile",
    )


def test_a_model_that_was_compiled_without_a_loss() -> None:
    refused(compiled(loss=None), r"loss=None.*Module\.training_step")


def test_run_eagerly() -> None:
    refused(compiled(run_eagerly=True), r"run_eagerly=True.*Leave them out")


def test_jit_compile() -> None:
    refused(compiled(jit_compile=True), r"jit_compile=True.*Leave them out")


def test_a_model_in_place_of_a_builder() -> None:
    refused(classifier()(), r"function that returns a compiled model.*Move the lines")


def test_a_builder_that_returns_nothing() -> None:
    refused(lambda: None, r"returned='NoneType'.*return model")


def test_sparse_tensors() -> None:
    x, y, _ = examples(8)
    sparse = tf.data.Dataset.from_tensor_slices((tf.sparse.from_dense(x), y)).batch(4)
    refused(classifier(), r"tf\.sparse\.to_dense", sparse)


def test_arrays() -> None:
    refused(classifier(), r"from_tensor_slices", examples(8)[0])


def test_a_class_of_callback_in_place_of_one() -> None:
    trainer = Trainer(callbacks=[keras.callbacks.EarlyStopping])
    with pytest.raises(ConfigError, match=r"Write EarlyStopping\(\.\.\.\)"):
        trainer.fit(classifier(), dataset())


def test_wrong_arguments_are_reported_all_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Trainer(max_epochs=0, precision="float8", devices=-1)  # type: ignore[arg-type]
    for words in ("max_epochs", "float8", "devices"):
        assert words in str(caught.value)
