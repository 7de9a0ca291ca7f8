"""Small compiled models, each of which needs something different of a training step."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from helpers import classifier, examples
from keraunos.trainer.step.keras_internals import build_compiled

WIDTH, CLASSES = 5, 3
FLOATS, INTEGERS = tf.TensorSpec((None, WIDTH)), tf.TensorSpec((None,), tf.int32)


class Case(NamedTuple):
    """A compiled model and data for it.

    Attributes:
        build: Returns the compiled model.
        elements: Makes that many examples, as a tuple of what `Model.fit` takes.
    """

    build: Callable[[], keras.Model]
    elements: Callable[[int], tuple[Any, ...]]

    def dataset(self, count: int, batch_size: int = 8) -> tf.data.Dataset:
        """Batches of distinct examples, the last of them ragged."""
        return tf.data.Dataset.from_tensor_slices(self.elements(count)).batch(batch_size)


def sgd() -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(0.1, momentum=0.9)


def compiled(loss: Any, metrics: Any = ("accuracy",), **layer: Any) -> keras.Model:
    """Two dense layers; options of the first in `layer`."""
    inputs = keras.Input((WIDTH,))
    hidden = keras.layers.Dense(4, "tanh", **layer)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(CLASSES, "softmax")(hidden))
    model.compile(sgd(), loss, metrics=list(metrics))
    return model


def with_a_list_of_one_output() -> keras.Model:
    """As if rebuilt by `keras.Model(model.inputs, model.outputs)`."""
    model = compiled(None)
    whole = keras.Model(model.inputs, model.outputs)
    whole.compile(sgd(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return whole


def with_dict_losses() -> keras.Model:
    inputs = keras.Input((WIDTH,))
    hidden = keras.layers.Dense(4, "tanh")(inputs)
    outputs = {
        "kind": keras.layers.Dense(CLASSES, "softmax", name="kind")(hidden),
        "size": keras.layers.Dense(2, name="size")(hidden),
    }
    model = keras.Model(inputs, outputs)
    model.compile(
        sgd(),
        loss={"kind": "sparse_categorical_crossentropy", "size": "mse"},
        loss_weights={"kind": 0.3, "size": 2.0},
        metrics={"kind": ["accuracy"], "size": ["mae"]},
    )
    return model


class ActivityPenalty(keras.layers.Layer):
    """Adds losses that depend on the batch: from operations, and from a loss object."""

    def __init__(self) -> None:
        super().__init__()
        self.error = keras.losses.MeanAbsoluteError()

    def call(self, inputs: Any) -> Any:
        self.add_loss(0.05 * keras.ops.mean(keras.ops.square(inputs)))
        self.add_loss(0.1 * self.error(keras.ops.ones_like(inputs), inputs))
        return inputs


def with_added_loss(
    loss: str | None = "sparse_categorical_crossentropy",
) -> keras.Model:
    inputs = keras.Input((WIDTH,))
    hidden = ActivityPenalty()(keras.layers.Dense(4, "tanh")(inputs))
    model = keras.Model(inputs, keras.layers.Dense(CLASSES, "softmax")(hidden))
    model.compile(sgd(), loss, metrics=["accuracy"] if loss else None)
    return model


class InBatchLoss(keras.losses.Loss):
    """Compares the examples of a batch with one another, in its own `__call__`."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        same = keras.ops.cast(y_true[:, None] == y_true[None, :], y_pred.dtype)
        scores = keras.ops.log_softmax(y_pred @ keras.ops.transpose(y_pred), axis=-1)
        by_row = -keras.ops.sum(same * scores, axis=-1) / keras.ops.sum(same, axis=-1)
        return keras.ops.sum(by_row * sample_weight) / keras.ops.sum(sample_weight)


def with_embedding() -> keras.Model:
    inputs = keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(11, 4, mask_zero=True)(inputs)
    pooled = keras.layers.GlobalAveragePooling1D()(embedded)
    model = keras.Model(inputs, keras.layers.Dense(CLASSES, "softmax")(pooled))
    model.compile(sgd(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class TokensAndPositions(keras.layers.Layer):
    """Looks up tokens, positions, and both in one table."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = keras.layers.Embedding(11, 4)
        self.positions = keras.layers.Embedding(8, 4)

    def call(self, words: Any) -> Any:
        places = keras.ops.arange(keras.ops.shape(words)[1])
        return self.tokens(words) + self.positions(places) + self.tokens(places)


def with_positions() -> keras.Model:
    """Trained by an optimizer that sees each entry of a sparse gradient."""
    inputs = keras.Input((None,), dtype="int32")
    hidden = keras.layers.Dense(4, "tanh")(TokensAndPositions()(inputs))
    pooled = keras.layers.GlobalAveragePooling1D()(hidden)
    model = keras.Model(inputs, keras.layers.Dense(CLASSES, "softmax")(pooled))
    optimizer = keras.optimizers.Adam(0.02, clipnorm=0.05)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def with_batch_norm() -> keras.Model:
    inputs = keras.Input((WIDTH,))
    hidden = keras.layers.Dense(4)(inputs)
    hidden = keras.layers.Activation("tanh")(keras.layers.BatchNormalization()(hidden))
    model = keras.Model(inputs, keras.layers.Dense(CLASSES, "softmax")(hidden))
    model.compile(sgd(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def with_convolution() -> keras.Model:
    inputs = keras.Input((8, 8, 2))
    maps = keras.layers.Conv2D(3, 3, strides=2, activation="tanh")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    model = keras.Model(inputs, keras.layers.Dense(CLASSES, "softmax")(pooled))
    model.compile(sgd(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def with_weighted_metrics() -> keras.Model:
    model = compiled("sparse_categorical_crossentropy")
    model.compile(
        sgd(),
        keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
        metrics=["accuracy"],
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="weighted")],
    )
    return model


class Seen(keras.layers.Layer):
    """Measures what passes through, for each example."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.seen = keras.metrics.Mean(name=name)

    def call(self, inputs: Any) -> Any:
        self.seen.update_state(keras.ops.max(inputs, axis=-1))
        return inputs


class Largest(keras.metrics.Metric):
    """Counts large predictions; returns its variable, as the Keras guide does."""

    def __init__(self, name: str = "largest") -> None:
        super().__init__(name=name)
        self.count = self.add_variable(shape=(), initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.count.assign_add(keras.ops.sum(keras.ops.cast(y_pred > 0.4, self.dtype)))

    def result(self) -> Any:
        return self.count


class TwoValues(keras.metrics.Mean):
    """Returns a dict."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(keras.ops.max(y_pred, axis=-1))

    def result(self) -> Any:
        mean = super().result()
        return {"surest": mean, "doubt": 1 - mean}


def with_metrics_of_every_kind() -> keras.Model:
    inputs = keras.Input((WIDTH,))
    hidden = Seen("deep")(keras.layers.Dense(4, "tanh")(Seen("seen")(inputs)))
    model = keras.Model(inputs, keras.layers.Dense(CLASSES, "softmax")(hidden))
    metrics = [
        keras.metrics.F1Score(),
        keras.metrics.Recall(thresholds=[0.3, 0.7], name="recall"),
        Largest(),
        TwoValues(name="two"),
    ]
    model.compile(sgd(), "categorical_crossentropy", metrics=metrics)
    return model


def built_classifier() -> keras.Model:
    model = classifier()()
    build_compiled(model, (FLOATS, INTEGERS, None))
    return model


def built_with_dict_losses() -> keras.Model:
    model = with_dict_losses()
    targets = {"kind": INTEGERS, "size": tf.TensorSpec((None, 2))}
    build_compiled(model, (FLOATS, targets, None))
    return model


def labeled(count: int) -> tuple[Any, ...]:
    return examples(count, WIDTH, CLASSES)[:2]


def one_hot(count: int) -> tuple[Any, ...]:
    inputs, labels = labeled(count)
    return inputs, np.eye(CLASSES, dtype=inputs.dtype)[labels]


def weighted(count: int) -> tuple[Any, ...]:
    return examples(count, WIDTH, CLASSES)


def two_targets(count: int) -> tuple[Any, ...]:
    inputs, labels, _ = examples(count, WIDTH, CLASSES)
    sizes = np.random.default_rng(9).normal(size=(count, 2)).astype(inputs.dtype)
    return inputs, {"kind": labels, "size": sizes}


def unlabeled(count: int) -> tuple[Any, ...]:
    return labeled(count)[:1]


def small_images(count: int) -> tuple[Any, ...]:
    labels = labeled(count)[1]
    shape = (count, 8, 8, 2)
    return np.random.default_rng(7).normal(size=shape).astype("float32"), labels


def sentences(count: int) -> tuple[Any, ...]:
    words = np.random.default_rng(5).integers(1, 11, (count, 6)).astype("int32")
    return words, labeled(count)[1]


def crossentropy(reduction: str) -> keras.losses.Loss:
    return keras.losses.SparseCategoricalCrossentropy(reduction=reduction)


CASES = {
    "a loss by name": Case(lambda: compiled("sparse_categorical_crossentropy"), labeled),
    "reduction sum_over_batch_size": Case(
        lambda: compiled(crossentropy("sum_over_batch_size")), weighted
    ),
    "reduction sum": Case(lambda: compiled(crossentropy("sum")), weighted),
    "reduction mean": Case(lambda: compiled(crossentropy("mean")), weighted),
    "reduction mean_with_sample_weight": Case(with_weighted_metrics, weighted),
    "a list of one output": Case(with_a_list_of_one_output, labeled),
    "dict losses with weights": Case(with_dict_losses, two_targets),
    "sample weights": Case(lambda: compiled("sparse_categorical_crossentropy"), weighted),
    "L2": Case(
        lambda: compiled("sparse_categorical_crossentropy", kernel_regularizer="l2"),
        weighted,
    ),
    "add_loss": Case(with_added_loss, labeled),
    "add_loss alone": Case(lambda: with_added_loss(None), unlabeled),
    "a loss of the whole batch": Case(lambda: compiled(InBatchLoss()), weighted),
    "an Embedding": Case(with_embedding, sentences),
    "positions": Case(with_positions, sentences),
    "a convolution": Case(with_convolution, small_images),
    "metrics of every kind": Case(with_metrics_of_every_kind, one_hot),
    "BatchNorm": Case(with_batch_norm, labeled),
}
