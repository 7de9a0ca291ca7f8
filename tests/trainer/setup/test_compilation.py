"""Whether a model is compiled by XLA, and why not."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from compiled_models import CASES, with_embedding
from helpers import classifier, examples, replicas
from keraunos import ConfigError, Module
from keraunos.models import FunctionModule
from keraunos.trainer.setup import compilation
from keraunos.trainer.setup.compilation import TrainingSetup, choose_pass, should_compile
from keraunos.trainer.setup.compiled_model import build_model
from keraunos.trainer.setup.datasets import as_source
from keraunos.trainer.step.compiled_pass import CompiledPass
from keraunos.trainer.step.replica_pass import ReplicaPass

layers = keras.layers
ON_CPU = tf.distribute.OneDeviceStrategy("/cpu:0")
ON_GPU = tf.distribute.OneDeviceStrategy("/gpu:0")


@pytest.mark.parametrize(
    ("asked", "was_compiled", "strategy", "wanted"),
    [
        ("auto", None, ON_CPU, False),
        ("auto", None, ON_GPU, True),
        (True, None, ON_CPU, True),
        (False, None, ON_GPU, False),
        ("auto", True, ON_CPU, True),  # as in the run
        ("auto", False, ON_GPU, False),
        (True, True, ON_CPU, True),
    ],
)
def test_jit_compile_and_device_determine_compilation(
    asked: Any, was_compiled: Any, strategy: Any, wanted: bool
) -> None:
    assert should_compile(asked, was_compiled, strategy) is wanted


@pytest.mark.parametrize("was_compiled", [True, False])
def test_changing_jit_compile_of_a_resumed_run_is_refused(was_compiled: bool) -> None:
    received = rf"was_compiled={was_compiled}, jit_compile={not was_compiled}"
    with pytest.raises(ConfigError, match=received):
        should_compile(not was_compiled, was_compiled, ON_CPU)


def choose(build: Any, asked: Any, count: int = 1, data: Any = None) -> Any:
    x, y, _ = examples(9)
    dataset = data or tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    source, strategy = as_source(dataset, "data"), replicas(count)
    module = build if isinstance(build, Module) else FunctionModule(build)
    model = build_model(module, strategy, source, sync_batch_norm=True)
    before = [np.array(each.numpy()) for each in model.variables]
    chosen = choose_pass(
        asked, None, TrainingSetup(model, module, strategy, source, seed=0)
    )
    seeds = ("seed_generator_state",)
    for variable, value in zip(model.variables, before, strict=True):
        assert variable.name in seeds or np.array_equal(variable, value)
    return chosen


def with_layer(layer: Callable[[], keras.Layer]) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        body = [keras.Input((5,)), layer(), layers.Dense(3, "softmax")]
        model = keras.Sequential(body)
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    return build


class Draws(layers.Layer):
    """Draws numbers that differ with XLA, or that depend on no seed."""

    def __init__(self, seeded: bool) -> None:
        super().__init__()
        self._seeded = seeded

    def call(self, inputs: Any, training: bool = False) -> Any:
        if self._seeded:
            shape, seed = tf.shape(inputs), [1, 2]
            return inputs + tf.random.stateless_truncated_normal(shape, seed)
        return inputs + tf.random.normal(tf.shape(inputs))


class CountsInBranch(layers.Layer):
    """Writes a variable under a condition."""

    def build(self, shape: Any) -> None:
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, inputs: Any) -> Any:
        def count() -> tf.Tensor:
            self.calls.assign(self.calls + 1)
            return tf.constant(0)

        tf.cond(tf.reduce_sum(inputs) > 0, count, lambda: tf.constant(0))
        return inputs


class Measures(layers.Layer):
    """Updates a metric of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = keras.metrics.Mean(name="mean")

    def call(self, inputs: Any) -> Any:
        self.mean.update_state(inputs)
        return inputs


class OnTheHost(Module):
    """Computes something with NumPy, which XLA can't."""

    def build(self) -> keras.Model:
        return classifier()()

    def training_step(self, model: Any, batch: Any, training: bool) -> dict[str, Any]:
        outputs = model(batch[0], training=training)
        tf.numpy_function(lambda x: None, [outputs], [])
        loss = keras.losses.sparse_categorical_crossentropy(batch[1], outputs)
        return {"loss": loss, "predictions": outputs}


def of_lengths(*lengths: int) -> tf.data.Dataset:
    """Sequences of a different length in each batch."""
    made = [(np.ones((4, n, 5), "float32"), np.zeros((4, n), "int32")) for n in lengths]
    specs = tf.TensorSpec((None, None, 5)), tf.TensorSpec((None, None), tf.int32)
    return tf.data.Dataset.from_generator(lambda: iter(made), output_signature=specs)


def of_sequences() -> keras.Model:
    model = keras.Sequential([keras.Input((None, 5)), layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


REASONS: dict[str, tuple[str, Callable[[], Any]]] = {
    "unknown shape": (
        "shape of a row is not known",
        lambda: choose(of_sequences, True, data=of_lengths(3, 4)),
    ),
    "NumPy": (r"no operation \w*PyFunc", lambda: choose(OnTheHost(), True)),
    "other numbers": (
        "differ with XLA",
        lambda: choose(with_layer(lambda: Draws(seeded=True)), True),
    ),
    "depend on a seed": (
        "do not depend on a seed",
        lambda: choose(with_layer(lambda: Draws(seeded=False)), True),
    ),
    "branch": ("in a branch", lambda: choose(with_layer(CountsInBranch), True)),
    "BatchNorm": (
        "sync_batch_norm is off",
        lambda: choose(with_layer(layers.BatchNormalization), True, count=2),
    ),
    "own metric": (
        "metrics of their own",
        lambda: choose(with_layer(Measures), True, count=2),
    ),
    "lookups": (
        "looks up rows of a table",
        lambda: choose(with_embedding, True, 2, CASES["an Embedding"].dataset(8)),
    ),
    "few rows": (
        "fewer rows than",
        lambda: choose(classifier(), True, data=one_row(), count=2),
    ),
}
FAST, SLOW = {"unknown shape", "few rows"}, {"lookups", "NumPy", "other numbers"}


def one_row() -> tf.data.Dataset:
    x, y, _ = examples(1)
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(1)


def layered(name: str) -> Any:
    mark = pytest.mark.slow if name in SLOW else pytest.mark.nightly
    return name if name in FAST else pytest.param(name, marks=mark)


@pytest.mark.parametrize("name", [layered(each) for each in REASONS])
def test_models_that_cannot_be_compiled_are_refused_with_the_reason(name: str) -> None:
    reason, attempt = REASONS[name]
    with pytest.raises(ConfigError, match=f"must be compiled.*{reason}.*jit_compile=True"):
        attempt()


@contextlib.contextmanager
def as_on_gpus() -> Iterator[None]:
    with mock.patch.object(compilation, "_uses_only_gpus", return_value=True):
        yield


@pytest.mark.slow
def test_auto_compiles_when_possible() -> None:
    with as_on_gpus():
        chosen = choose(classifier(), "auto")
    assert isinstance(chosen.replica_pass, CompiledPass)
    assert chosen.line == "XLA: compiles the forward and backward pass"


def test_auto_states_why_it_does_not_compile() -> None:
    with as_on_gpus():
        chosen = choose(of_sequences, "auto", data=of_lengths(3, 4))
    assert isinstance(chosen.replica_pass, ReplicaPass)
    assert chosen.line.startswith("XLA: not used (the shape of a row is not known")


def test_jit_compile_from_model_compile_is_ignored_with_a_notice() -> None:
    def build() -> keras.Model:
        model = classifier()()
        model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=True)
        return model

    assert "not that of model.compile" in choose(build, "auto").line
    assert choose(build, False).line == ""
    assert choose(classifier(), "auto").line == ""
