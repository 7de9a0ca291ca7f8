"""Models, losses and metrics whose values depend on how a batch is split."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from helpers import examples
from keraunos.models import FunctionModule, Module

WIDTH, CLASSES = 5, 3
layers, metrics, ops = keras.layers, keras.metrics, keras.ops
Arrays = tuple[Any, ...]


class Found(NamedTuple):
    """What a probe must find.

    Attributes:
        module: Builds the model.
        name: What the message must name.
        data: Makes examples.
    """

    module: Module
    name: str
    data: Callable[[], Arrays]


def one_hot() -> Arrays:
    """Distinct examples; the first eleven are of one class."""
    inputs, labels, _ = examples(22, WIDTH, CLASSES)
    labels[:11] = 0
    return inputs, np.eye(CLASSES, dtype=inputs.dtype)[labels]


def pairs() -> Arrays:
    random = np.random.default_rng(3)
    return random.integers(0, 9, (22, 2)), random.random((22, 1), dtype=np.float32)


def model_of(
    *middle: Any, loss: Any = "categorical_crossentropy", metrics: Any = ()
) -> Callable[[], keras.Model]:
    """A builder of a model with these layers in the middle; it instantiates types."""

    def build() -> keras.Model:
        made = [layer() for layer in middle]
        dense = keras.layers.Dense
        model = keras.Sequential(
            [keras.Input((WIDTH,)), dense(4, "tanh"), *made, dense(CLASSES, "softmax")]
        )
        to_make = (type, functools.partial)
        model.compile(
            "sgd",
            loss() if isinstance(loss, to_make) else loss,
            metrics=[each() if isinstance(each, to_make) else each for each in metrics],
        )
        return model

    return build


def batch_accuracy(targets: Any, outputs: Any) -> Any:
    """F1 of a batch: a ratio of sums, which Keras averages over batches."""
    taken = ops.cast(outputs > 0.5, outputs.dtype)
    both = ops.sum(targets * taken)
    return 2 * both / (ops.sum(targets) + ops.sum(taken) + 1e-7)


def slightly_of_the_batch(targets: Any, outputs: Any) -> Any:
    """A value for each row, a thousandth of which depends on the batch."""
    losses = ops.mean(ops.square(targets - outputs), axis=-1)
    return losses + 1e-3 * ops.max(losses)


class Centered(keras.layers.Layer):
    """Subtracts the mean of a batch."""

    def call(self, inputs: Any) -> Any:
        return inputs - ops.mean(inputs, axis=0, keepdims=True)


class Gated(keras.layers.Layer):
    """Like `Centered`, but with a gate that is closed at first."""

    def build(self, shape: Any) -> None:
        self.gate = self.add_weight(shape=(), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        return inputs - self.gate * ops.mean(inputs, axis=0, keepdims=True)


class Dots(keras.Model):
    """Multiplies the factors of all rows with one another, as `tensordot` is misused."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (keras.layers.Embedding(9, 4) for _ in range(2))

    def call(self, inputs: Any) -> Any:
        first, second = self.first(inputs[:, 0]), self.second(inputs[:, 1])
        return ops.sigmoid(ops.tensordot(first, second, 2) + 0 * first[:, :1])


class Remembers(keras.layers.Layer):
    """Keeps something about its inputs in its own variable."""

    aggregation = "none"

    def build(self, shape: Any) -> None:
        self.own = self.add_weight(
            shape=(),
            initializer="zeros",
            trainable=False,
            aggregation=self.aggregation,
            name="own",
        )

    def call(self, inputs: Any) -> Any:
        self.own.assign(self.after(self.own, inputs))
        return inputs

    def after(self, before: Any, inputs: Any) -> Any:
        raise NotImplementedError


class RunningMean(Remembers):
    aggregation = "mean"

    def after(self, before: Any, inputs: Any) -> Any:
        return 0.9 * before + 0.1 * ops.mean(inputs)


class CountsRows(Remembers):
    def after(self, before: Any, inputs: Any) -> Any:
        return before + ops.cast(ops.shape(inputs)[0], before.dtype)


class CountsRowsInAll(CountsRows):
    aggregation = "sum"  # also of the earlier count, once for each replica


class CountsCalls(Remembers):
    """Counts calls, which are the same on all replicas and so do no harm."""

    def after(self, before: Any, inputs: Any) -> Any:
        return before + 1


class PlainCount(keras.layers.Layer):
    """Counts rows in a variable that Keras does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.count = tf.Variable(0, trainable=False)

    def call(self, inputs: Any) -> Any:
        self.count.assign_add(self.amount(inputs))
        return inputs

    def amount(self, inputs: Any) -> Any:
        return tf.shape(inputs)[0]


class PlainCalls(PlainCount):
    """Counts calls, which are the same on all replicas."""

    def amount(self, inputs: Any) -> Any:
        return 1


class Held(keras.layers.Layer):
    """Holds a metric that it updates with one value for a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = keras.metrics.Mean(name="seen")

    def call(self, inputs: Any) -> Any:
        self.seen.update_state(ops.mean(ops.abs(inputs)))
        return inputs


class Largest(keras.metrics.Metric):
    """Keeps a maximum; a sum over replicas is not the maximum."""

    def __init__(self) -> None:
        super().__init__(name="largest")
        self.value = self.add_variable((), "zeros", name="value")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.value.assign(ops.maximum(self.value, ops.max(ops.abs(y_true - y_pred))))

    def result(self) -> Any:
        return ops.convert_to_tensor(self.value)


class Last(Largest):
    """Keeps its last input."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.value.assign(ops.mean(ops.abs(y_true - y_pred)))


class AddsSum(keras.layers.Layer):
    """Adds a loss that is a sum over rows."""

    def call(self, inputs: Any) -> Any:
        self.add_loss(0.01 * ops.sum(ops.square(inputs)))
        return inputs


class ClipsGradient(keras.layers.Layer):
    """Has a custom gradient, scaled by the norm of a batch."""

    def call(self, inputs: Any) -> Any:
        @tf.custom_gradient
        def identity(values: Any) -> Any:
            return tf.identity(values), lambda upstream: tf.clip_by_norm(upstream, 0.01)

        return identity(inputs)


class DrawsByItself(keras.layers.Layer):
    """Draws random numbers that cannot be held constant."""

    def call(self, inputs: Any) -> Any:
        noise = tf.raw_ops.RandomStandardNormal(shape=tf.shape(inputs), dtype=tf.float32)
        return inputs + tf.cast(noise, inputs.dtype)


class OwnStep(Module):
    """Divides each loss by that of its batch, and logs a value of the batch."""

    def __init__(self, key: str) -> None:
        self.key = key

    def build(self) -> keras.Model:
        return model_of()()

    def training_step(self, model: Any, batch: Any, training: bool) -> dict[str, Any]:
        inputs, targets, _ = batch
        outputs = model(inputs, training=training)
        losses = ops.mean(ops.square(targets - outputs), axis=-1)
        relative = losses / (1 + ops.mean(losses))
        return {"loss": losses, "predictions": outputs} | {self.key: relative}


class Gathers(keras.layers.Layer):
    """Subtracts the mean of the whole batch, gathered from all replicas."""

    def call(self, inputs: Any) -> Any:
        context = tf.distribute.get_replica_context()
        if context is None:
            return inputs
        everything = context.all_gather(inputs, axis=0)
        return inputs - tf.reduce_mean(everything, axis=0, keepdims=True)


class Traced(keras.layers.Layer):
    """Runs in its own `tf.function`."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(), initializer="ones")

    @tf.function
    def call(self, inputs: Any) -> Any:
        return self.scale * inputs


def dots() -> keras.Model:
    model = Dots()
    model.compile("adam", "binary_crossentropy")
    return model


def found(name: str, build: Callable[[], keras.Model], data: Any = one_hot) -> Found:
    return Found(FunctionModule(build), name, data)


FOUND = {
    "a layer that subtracts the batch mean": found("/centered", model_of(Centered)),
    "batch mean behind a closed gate": found("the output", model_of(Gated)),
    "tensordot over the batch": found("the output", dots, pairs),
    "a loss with a share of the batch": found(
        "loss 'slightly_of_the_batch'", model_of(loss=slightly_of_the_batch)
    ),
    "add_loss of a sum": found("add_loss", model_of(AddsSum)),
    "a mean of ratios of sums": found(
        "metric 'batch_accuracy'", model_of(metrics=[batch_accuracy])
    ),
    "a maximum": found("metric 'largest'", model_of(metrics=[Largest])),
    "a last value": found("metric 'largest'", model_of(metrics=[Last])),
    "a metric held by a layer": found("metric 'seen'", model_of(Held)),
    "a running mean": found("/own'", model_of(RunningMean)),
    "rows counted on each replica": found("/own'", model_of(CountsRows)),
    "rows counted by TensorFlow": found("/count'", model_of(PlainCount)),
    "rows summed over replicas when written": found("/own'", model_of(CountsRowsInAll)),
    "a gradient scaled by the batch": found("gradient of", model_of(ClipsGradient)),
    "unseeded random numbers": found("the output", model_of(DrawsByItself)),
    "a training_step": Found(OwnStep("loss"), "loss 'loss'", one_hot),
    "a value logged by a training_step": Found(OwnStep("relative"), "'relative'", one_hot),
}
RIGHT: dict[str, Callable[[], keras.Model]] = {
    "gathered rows": model_of(Gathers),
    "a counter of calls": model_of(CountsCalls),
    "calls counted by TensorFlow": model_of(PlainCalls),
    "random layers": model_of(
        lambda: layers.Dropout(0.5),
        lambda: layers.GaussianNoise(0.3),
        lambda: layers.GaussianDropout(0.3),
        lambda: layers.AlphaDropout(0.3),
    ),
    "a Keras loss over the whole batch": model_of(loss=keras.losses.Dice),
    "classification metrics": model_of(
        metrics=[
            "accuracy",
            metrics.AUC,
            metrics.F1Score,
            metrics.Precision,
            metrics.KLDivergence,
            functools.partial(metrics.OneHotMeanIoU, 3),
            functools.partial(metrics.TopKCategoricalAccuracy, 2),
            functools.partial(metrics.SensitivityAtSpecificity, 0.5),
        ]
    ),
    "regression metrics": model_of(
        loss="mse",
        metrics=[
            metrics.R2Score,
            metrics.RootMeanSquaredError,
            metrics.CosineSimilarity,
            metrics.PearsonCorrelation,
        ],
    ),
}
