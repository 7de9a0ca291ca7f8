"""One test for each function, named after it, and one for each surprise of Keras."""

import copy
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from compiled_models import built_classifier, built_with_dict_losses, two_targets
from helpers import classifier, examples, on_each_replica, replicas
from keraunos.models import keras_internals as of_models
from keraunos.models.keras_internals import (
    averages_of,
    logits_of,
    set_larger_is_better,
)
from keraunos.strategies import (
    dataset_internals,
    on_each_device,
    tensorflow_internals,
)
from keraunos.trainer.step import keras_internals, loss_internals, metric_internals
from keraunos.trainer.step.keras_internals import (
    accumulation_taken_over,
    apply_on_device,
    build_compiled,
    given_learning_rate,
    overridden_methods,
    seed_generators,
    set_synchronized,
)
from keraunos.trainer.step.loss_internals import (
    call_losses,
    call_on_batch,
    compiled_losses,
    ignored_losses,
    per_example,
    unscaled_losses,
)

ROOT = Path(__file__).parents[3]
FLOATS = tf.TensorSpec((None, 5))
CLASSES = tf.TensorSpec((None,), tf.int32)


@pytest.fixture(params=[1, 2])
def strategy(request: pytest.FixtureRequest) -> tf.distribute.Strategy:
    return replicas(request.param)


MODULES = (
    keras_internals,
    loss_internals,
    metric_internals,
    of_models,
    tensorflow_internals,
    dataset_internals,
)


def internals() -> Iterator[tuple[str, Callable[..., Any]]]:
    for module in MODULES:
        for name, value in vars(module).items():
            own = getattr(value, "__module__", "") == module.__name__
            is_data = inspect.isclass(value) and issubclass(value, tuple)
            if own and callable(value) and not name.startswith("_") and not is_data:
                yield name, value


@pytest.mark.parametrize("name", dict(internals()))
def test_every_internal_function_has_a_test_and_a_documented_section(name: str) -> None:
    tests = [
        Path(__file__),
        Path(__file__).with_name("test_metric_internals.py"),
        ROOT / "tests/strategies/test_tensorflow_internals.py",
        ROOT / "tests/strategies/test_dataset_internals.py",
    ]
    assert any(f"def test_{name}(" in file.read_text() for file in tests)
    document = (ROOT / "docs" / "keras-internals.md").read_text(encoding="utf-8")
    assert re.search(rf"^#+ `{name}`$", document, re.MULTILINE)


def test_model_inputs() -> None:
    functional = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    assert [each.shape for each in keras_internals.model_inputs(functional)] == [(None, 3)]
    for without in (keras.Sequential([keras.layers.Dense(1)]), keras.Model()):
        assert keras_internals.model_inputs(without) == []


def test_attached() -> None:
    output = keras.activations.softmax(keras.ops.ones((2, 3)))
    (logits,) = keras_internals.attached(output)
    np.testing.assert_array_equal(logits, np.ones((2, 3)))
    assert keras_internals.attached(tf.ones(2)) == []


def test_set_larger_is_better() -> None:
    metric = keras.metrics.Mean()
    set_larger_is_better(metric)
    assert metric._direction == "up"


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_logits_of(policy: str) -> None:
    hidden = keras.layers.Dense(4, dtype=policy)
    head = keras.layers.Dense(3, "softmax", dtype="float32")
    model = keras.Sequential([keras.Input((2,)), hidden, head])
    probabilities = tf.function(lambda inputs: model(inputs, training=True))
    logits = tf.function(lambda inputs: logits_of(model(inputs, training=True)))
    inputs = tf.ones((1, 2))
    assert logits(inputs).dtype == tf.float32
    np.testing.assert_allclose(tf.nn.softmax(logits(inputs)), probabilities(inputs), 1e-5)
    assert logits_of(tf.ones((1, 3))) is None


def test_averages_of() -> None:
    weights = [keras.Variable(np.full(2, 4.0)), keras.Variable(np.zeros(3))]
    optimizer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.75)
    optimizer.build(weights)
    for _ in range(2):
        optimizer.apply([keras.ops.ones(2), keras.ops.ones(3)])
    pairs = averages_of(optimizer)
    assert [weight is own for (weight, _), own in zip(pairs, weights, strict=True)]
    np.testing.assert_allclose(pairs[0][1], [2.75, 2.75])  # of 3 and 2
    assert averages_of(keras.optimizers.SGD()) == []


def test_build_compiled(strategy: tf.distribute.Strategy) -> None:
    with strategy.scope():
        model = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(3)])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        build_compiled(model, (FLOATS, CLASSES, tf.TensorSpec((None,))))
    assert [tuple(each.shape) for each in model.weights] == [(5, 4), (4,), (4, 3), (3,)]
    assert len(model.optimizer.variables) == 2 + 2 * 4  # iterations, learning rate
    assert len(model.metrics_variables) == 2 + 2  # of the accuracy, and Keras's tracker
    assert len(compiled_losses(model)) == 1


def test_compiled_losses() -> None:
    kind, size = compiled_losses(built_with_dict_losses())
    assert (kind.name, kind.weight, size.name, size.weight) == ("kind", 0.3, "size", 2.0)
    assert size.loss(np.zeros((1, 2)), np.full((1, 2), 3.0)) == 9.0

    (only,) = compiled_losses(built_classifier())
    assert only.weight == 1.0
    assert only.loss.name == "sparse_categorical_crossentropy"

    without = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
    without.compile("sgd")
    assert compiled_losses(without) == []


def test_call_losses() -> None:
    model = built_with_dict_losses()
    inputs, targets = two_targets(7)
    weights = {"size": np.arange(7.0), "kind": np.ones(7)}
    predictions = model(inputs)
    seen: list[Any] = []

    def keep(*called_with: Any) -> Any:
        seen.append(called_with)
        return tf.constant(0.0)

    call_losses(model, [keep, keep], dict(reversed(targets.items())), predictions, weights)
    for name, called_with in zip(("kind", "size"), seen, strict=True):
        expected = (targets[name], predictions[name], weights[name])
        for got, wanted in zip(called_with, expected, strict=True):
            assert got is wanted
    assert all(isinstance(each.loss, keras.losses.Loss) for each in compiled_losses(model))
    assert len(model._compile_loss.metrics) == 2


REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight")


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_per_example(reduction: str, strategy: tf.distribute.Strategy) -> None:
    loss = keras.losses.MeanSquaredError(reduction=reduction)
    targets, _, weights = examples(7)
    for found in on_each_replica(
        strategy, lambda: per_example(loss, targets, 0 * targets, weights)
    ):
        expected = weights * np.mean(targets**2, axis=1)
        np.testing.assert_allclose(found.values, expected, rtol=1e-6)
        np.testing.assert_allclose(found.weights, weights)
        assert found.mask is None
    assert loss.reduction == reduction


def test_per_example_combines_the_masks_of_layer_and_loss() -> None:
    words = np.array([[1, 2, 0], [3, 1, 2]])
    embedded = keras.layers.Embedding(5, 4, mask_zero=True)(words)
    probabilities = keras.layers.Dense(3, "softmax")(embedded)
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    targets = np.array([[0, -1, 2], [1, 2, -1]])
    weights = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "float32")
    found = per_example(loss, targets, probabilities, weights)
    wanted = np.array([[True, False, False], [True, True, False]])
    np.testing.assert_array_equal(found.mask, wanted)
    np.testing.assert_array_equal(found.weights, weights * wanted)
    np.testing.assert_array_equal(np.asarray(found.values) > 0, wanted)


class Mean(keras.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(keras.ops.square(y_true - y_pred))


class MeanOfColumns(keras.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=0)


class OwnCall(keras.losses.MeanSquaredError):
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return 3.0 * super().__call__(y_true, y_pred, sample_weight)


class OwnReduction(keras.losses.MeanSquaredError):
    reduction = property(lambda self: "sum", lambda self, value: None)


@pytest.mark.parametrize("kind", [Mean, MeanOfColumns, OwnCall, OwnReduction])
def test_per_example_returns_none_without_per_example_values(kind: Any) -> None:
    found: list[Any] = []

    @tf.function(input_signature=[FLOATS, tf.TensorSpec((None,))], autograph=False)
    def trace(targets: tf.Tensor, weights: tf.Tensor) -> None:
        found.append(per_example(kind(), targets, 0 * targets, weights))

    trace.get_concrete_function()
    assert found == [None]


def test_call_on_batch() -> None:
    loss = keras.losses.MeanAbsoluteError()
    predictions = tf.constant([[1.0], [5.0]])
    predictions._keras_mask = tf.constant([True, False])

    def twice(values: Any) -> Any:
        return tf.nest.map_structure(lambda each: tf.concat([each, each], 0), values)

    targets, weights = tf.zeros((2, 1)), tf.constant([3.0, 1.0])
    assert float(call_on_batch(loss, (targets, predictions, weights), twice)) == 3.0


def test_ignored_losses() -> None:
    assert ignored_losses(built_with_dict_losses()) == []
    model = classifier()()
    named = keras.losses.SparseCategoricalCrossentropy(name="second")
    model.compile("sgd", ["sparse_categorical_crossentropy", named])
    build_compiled(model, (FLOATS, CLASSES, None))
    assert ignored_losses(model) == ["second"]
    targets, predictions = np.array([0, 2]), np.full((2, 3), 1 / 3, "float32")
    first = compiled_losses(model)[0].loss(targets, predictions)
    assert model._compile_loss(targets, predictions) == first


def test_unscaled_losses() -> None:
    """Each replica enters and leaves by itself, in its own thread."""
    loss, ones = keras.losses.MeanSquaredError(), np.ones((2, 1), "float32")

    def unscaled() -> Any:
        with unscaled_losses():
            context = tf.distribute.get_replica_context()
            one = context.all_reduce("SUM", tf.constant(0.5))  # lets the other work
            return loss(ones, 0 * ones) * one

    strategy = replicas(2)
    for value in on_each_replica(strategy, unscaled):
        assert float(value) == 1.0
    for value in on_each_replica(strategy, lambda: loss(ones, 0 * ones)):
        assert float(value) == 0.5


def test_copying_a_keras_loss_loses_its_attributes() -> None:
    """Why the copies here are made attribute by attribute."""
    loss = keras.losses.MeanSquaredError()
    loss.reduction, loss.marked = "sum", True
    assert not hasattr(copy.copy(loss), "marked")
    with pytest.raises(NotImplementedError):
        copy.copy(built_classifier()._compile_loss)


@pytest.mark.parametrize("scaled", [False, True])
def test_apply_on_device(strategy: tf.distribute.Strategy, scaled: bool) -> None:
    with strategy.scope():
        optimizer = keras.optimizers.SGD(0.5, weight_decay=0.0, global_clipnorm=5.0)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=4.0)
        variable = keras.Variable([1.0, 2.0])
        optimizer.build([variable])
    copies = strategy.experimental_local_results(variable.value)

    @tf.function(autograph=False)
    def apply(gradient: Any) -> None:
        on_each_device(
            strategy,
            optimizer.iterations.value,
            lambda factor: apply_on_device(optimizer, [factor * gradient], [variable]),
            [1.0] * len(copies),
        )

    apply(optimizer.scale_loss(tf.constant([6.0, 8.0])))  # clipped to 3 and 4
    for value in copies:
        np.testing.assert_allclose(value, [-0.5, 0.0], atol=1e-6)
    if scaled:
        apply(tf.constant([np.inf, 0.0]))
        np.testing.assert_allclose(variable.numpy(), [-0.5, 0.0], atol=1e-6)
        assert float(optimizer.dynamic_scale.numpy()) == 2.0
    for each in strategy.experimental_local_results(optimizer.iterations.value):
        assert int(each) == 1


@pytest.mark.parametrize("scaled", [False, True])
def test_accumulation_taken_over(scaled: bool) -> None:
    inner = keras.optimizers.SGD(1.0, gradient_accumulation_steps=3)
    optimizer = keras.optimizers.LossScaleOptimizer(inner) if scaled else inner
    variable = keras.Variable([0.0])
    optimizer.build([variable])
    with pytest.raises(KeyError), accumulation_taken_over(optimizer) as steps:
        assert steps == 3
        optimizer.apply([optimizer.scale_loss(tf.constant([2.0]))], [variable])
        np.testing.assert_allclose(variable.numpy(), [-2.0])
        raise KeyError
    assert inner.gradient_accumulation_steps == 3
    with accumulation_taken_over(keras.optimizers.SGD()) as steps:
        assert steps == 1


@pytest.mark.parametrize("scaled", [False, True])
def test_given_learning_rate(scaled: bool) -> None:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.1)
    for given in (schedule, 0.5):
        inner = keras.optimizers.SGD(given)
        optimizer = keras.optimizers.LossScaleOptimizer(inner) if scaled else inner
        found = given_learning_rate(optimizer)
        assert (found is schedule) == (given is schedule)
        assert float(keras.ops.convert_to_numpy(optimizer.learning_rate)) == 0.5


def test_keras_drops_the_last_incomplete_accumulation() -> None:
    """Why accumulation is taken over."""
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros"),
        ]
    )
    model.compile(keras.optimizers.SGD(1.0, gradient_accumulation_steps=2), "mse")
    data = tf.data.Dataset.from_tensor_slices((np.eye(3), np.ones((3, 1)))).batch(1)
    model.fit(data, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0].ravel(), [1.0, 1.0, 0.0])


def test_seed_generators() -> None:
    def build() -> keras.Model:
        dropout = keras.layers.Dropout(0.5, name="shared")
        inner = keras.Sequential(
            [keras.Input((5,)), keras.layers.GaussianNoise(0.1, name="noise"), dropout]
        )
        inputs = keras.Input((5,))
        return keras.Model(inputs, keras.layers.Dense(2)(dropout(inner(inputs))))

    def names(model: keras.Model) -> list[str]:
        """Of the layers whose generators they are."""
        layers = [each for each in model._flatten_layers() if each._seed_generators]
        by_id = {id(each.seed_generator): each.name for each in layers}
        return [by_id[id(each)] for each in seed_generators(model)]

    assert sorted(names(build())) == ["noise", "shared"]
    assert names(build()) == names(build())


def test_overridden_methods() -> None:
    class Own(keras.Model):
        def train_step(self, data: Any) -> Any:
            return super().train_step(data)

        def compute_metrics(self, *arguments: Any, **options: Any) -> Any:
            return super().compute_metrics(*arguments, **options)

    names = ("train_step", "test_step", "compute_metrics")
    inputs = keras.Input((5,))
    own = overridden_methods(Own(inputs, inputs), names)
    assert own == ["train_step", "compute_metrics"]
    for plain in (keras.Model(inputs, inputs), keras.Sequential([inputs])):
        assert overridden_methods(plain, names) == []


@pytest.mark.parametrize("value", [False, True])
def test_set_synchronized(value: bool) -> None:
    strategy = replicas(2)
    with strategy.scope():
        layer = keras.layers.BatchNormalization(momentum=0.0)
        layer.build((None, 1))
    set_synchronized(layer, value)

    def train() -> Any:
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        number = tf.cast(number, "float32")
        return layer(tf.reshape([0.0, 2.0], (2, 1)) + 10 * number, training=True)

    normalized = np.concatenate(
        [np.ravel(each) for each in on_each_replica(strategy, train)]
    )
    whole = np.array([0.0, 2.0, 10.0, 12.0])
    expected = (whole - whole.mean()) / whole.std() if value else [-1.0, 1.0, -1.0, 1.0]
    np.testing.assert_allclose(normalized, expected, atol=1e-2)


def test_with_attached() -> None:
    outputs = keras.layers.Softmax()(tf.constant([[1.0, 2.0], [3.0, 5.0]]))
    outputs._keras_mask = tf.constant([True, False])
    part = keras_internals.with_attached(lambda tensor: tensor[1:], outputs)
    assert part._keras_mask.numpy().tolist() == [False]
    assert part._keras_logits.numpy().tolist() == [[3.0, 5.0]]
    plain = keras_internals.with_attached(lambda tensor: tensor + 1, tf.constant(1.0))
    assert float(plain) == 2.0
    assert not hasattr(plain, "_keras_mask")


def test_recurrences_in_functions() -> None:
    layer = keras.layers.GRU(2)
    steps = tf.random.stateless_normal((2, 60, 1), (0, 0))  # a long loop, and a short one
    graphs: list[bool] = []
    call = layer.cell.call

    def spy(*arguments: Any, **options: Any) -> Any:
        graphs.append(not tf.executing_eagerly())
        return call(*arguments, **options)

    expected = layer(steps)
    layer.cell.call = spy
    eagerly, looped = (
        tensorflow_internals.functions_run_eagerly,
        keras_internals.recurrences_in_functions,
    )
    with eagerly(), looped():
        np.testing.assert_allclose(layer(steps), expected, atol=1e-6)
        assert set(graphs) == {True}
        graphs.clear()
        layer(steps[:, :3])
    assert set(graphs) == {False}


def test_layers_watched() -> None:
    seen: list[tuple[str, float]] = []
    layer = keras.layers.Dense(1, kernel_initializer="ones", name="inner")
    model = keras.Sequential([keras.Input((2,)), layer], name="outer")
    with keras_internals.layers_watched(
        lambda each, out: seen.append((each.name, out.numpy().item()))
    ):
        model(tf.ones((1, 2)))
    model(tf.ones((1, 2)))
    assert seen[-2:] == [("inner", 2.0), ("outer", 2.0)]
    assert [name for name, _ in seen].count("outer") == 1
