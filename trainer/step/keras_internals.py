"""Wraps the internals of Keras that we use, one per function.

docs/keras-internals.md explains why each is needed. A test named after each function fails
when a new version of Keras breaks it.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras.src import backend
from keras.src.backend import compute_output_spec
from keras.src.models.functional import Functional, unpack_singleton

from ...models.optimizer import build_optimizer_of, unwrapped
from ...strategies.tensorflow_internals import functions_are_traced

_MIN_STEPS_TO_TRACE = 50  # of a recurrent layer
_ATTACHED = ("_keras_mask", "_keras_logits")


def build_compiled(model: keras.Model, batch: tuple[Any, Any, Any]) -> None:
    """Creates all variables of a compiled model: weights, metrics, optimizer.

    Args:
        model: A compiled model.
        batch: `tf.TensorSpec`s of inputs, targets and sample weights.
    """

    def symbol(spec: tf.TensorSpec | None) -> keras.KerasTensor | None:
        if spec is None:
            return None
        return keras.KerasTensor(spec.shape, dtype=spec.dtype.name)

    symbolic = tf.nest.map_structure(symbol, batch)
    if all(layer.built for layer in model._flatten_layers()):
        _build_optimizer(model)  # Keras below would build it without the layers
    if batch[1] is None:  # no targets to build losses and metrics from
        if not all(layer.built for layer in model._flatten_layers()):
            compute_output_spec(model, symbolic[0], training=False)
        _build_optimizer(model)
        return
    if isinstance(model, Functional) and type(model).call is Functional.call:
        _build_from_outputs(model, *symbolic)
    model._symbolic_build(data_batch=symbolic)
    _build_optimizer(model)


def _build_optimizer(model: keras.Model) -> None:
    optimizer = model.optimizer
    if optimizer is not None and not optimizer.built:
        build_optimizer_of(model)


def _build_from_outputs(
    model: keras.Model, inputs: Any, targets: Any, sample_weight: Any
) -> None:
    """Creates variables of metrics and losses from the known shapes of outputs.

    Keras would trace the whole model for them, which takes a second for a large one. A call
    of a model with a list of one output returns that output, not the list.
    """
    outputs = tf.nest.map_structure(
        lambda output: keras.KerasTensor(output.shape, output.dtype),
        unpack_singleton(model._outputs_struct),
    )
    for built, function in (
        (model._compile_metrics, model.compute_metrics),
        (model._compile_loss, model._compute_loss),
    ):
        if built is not None and not built.built:
            compute_output_spec(
                function, inputs, targets, outputs, sample_weight=sample_weight
            )


def model_inputs(model: keras.Model) -> list[Any]:
    """Returns the symbolic inputs of a functional or sequential model, otherwise []."""
    return list(getattr(model, "inputs", None) or [])


def attached(tensor: Any) -> list[Any]:
    """Returns the mask and logits that Keras has attached to a tensor, if any."""
    found = (getattr(tensor, name, None) for name in _ATTACHED)
    return [each for each in found if each is not None]


def with_attached(function: Callable[[Any], Any], tensor: Any) -> Any:
    """Applies a function to a tensor, and to the mask and logits attached to it."""
    result = function(tensor)
    for name in _ATTACHED:
        each = getattr(tensor, name, None)
        if each is not None:
            setattr(result, name, function(each))
    return result


@contextlib.contextmanager
def layers_watched(seen: Callable[[keras.Layer, Any], None]) -> Iterator[None]:
    """Calls a function with each called layer and its outputs."""
    call = keras.Layer.__call__

    def watched(layer: keras.Layer, *arguments: Any, **options: Any) -> Any:
        outputs = call(layer, *arguments, **options)
        seen(layer, outputs)
        return outputs

    keras.Layer.__call__ = watched
    try:
        yield
    finally:
        keras.Layer.__call__ = call


@contextlib.contextmanager
def recurrences_in_functions() -> Iterator[None]:
    """Traces long loops of recurrent layers in eager execution, which is faster."""
    loop = backend.rnn

    def traced_loop(step: Any, inputs: Any, states: Any, *rest: Any, **options: Any) -> Any:
        axis = 0 if options.get("time_major") else 1
        if (tf.nest.flatten(inputs)[0].shape[axis] or 0) <= _MIN_STEPS_TO_TRACE:
            return loop(step, inputs, states, *rest, **options)

        def run(inputs: Any, states: Any) -> Any:
            return loop(step, inputs, states, *rest, **options)

        with functions_are_traced():
            return tf.function(run, autograph=False)(inputs, states)

    backend.rnn = traced_loop
    try:
        yield
    finally:
        backend.rnn = loop


class _OwnDevice:
    """Replaces the strategy of an optimizer to update the variables of one device."""

    @property
    def extended(self) -> "_OwnDevice":
        return self

    def update(
        self,
        variable: Any,
        function: Callable[..., Any],
        args: tuple[Any, ...] = (),
        **_: Any,
    ) -> Any:
        return function(variable, *args)


def apply_on_device(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[Any],
    variables: Sequence[keras.Variable],
) -> None:
    """Applies gradients that are already summed over replicas, within `on_each_device`.

    Keras's optimizers would update the variables of all devices with the gradients of this
    one. `LossScaleOptimizer.apply` rejects this context, where it would check the gradients
    of the first replica only.
    """
    inner = unwrapped(optimizer)
    strategy = inner._distribution_strategy
    inner._distribution_strategy = _OwnDevice()
    try:
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            optimizer._common_apply(gradients, variables)
        else:
            optimizer.apply(gradients, variables)
    finally:
        inner._distribution_strategy = strategy


@contextlib.contextmanager
def accumulation_taken_over(optimizer: keras.optimizers.Optimizer) -> Iterator[int]:
    """Disables the gradient accumulation of a built optimizer within the context.

    Keras keeps a remainder at the end of an epoch, and weights micro-batches of different
    sizes equally.

    Yields:
        Number of batches over which to accumulate; 1 without accumulation.
    """
    inner = unwrapped(optimizer)
    steps = inner.gradient_accumulation_steps
    inner.gradient_accumulation_steps = None
    try:
        yield steps or 1
    finally:
        inner.gradient_accumulation_steps = steps


def given_learning_rate(optimizer: keras.optimizers.Optimizer) -> Any:
    """Returns the learning rate of an optimizer: a schedule or a variable.

    `optimizer.learning_rate` would return the current value of a schedule.
    """
    return unwrapped(optimizer)._learning_rate


def seed_generators(model: keras.Model) -> list[keras.random.SeedGenerator]:
    """Returns the random generators of all layers, in a fixed order."""
    holders = [model, *model._flatten_layers(include_self=False, recursive=True)]
    found = {id(g): g for holder in holders for g in holder._seed_generators}
    return list(found.values())


def overridden_methods(model: keras.Model, names: Sequence[str]) -> list[str]:
    """Returns those of the named methods of `keras.Model` that a model overrides."""
    return [
        name
        for name in names
        if getattr(type(model), name) is not getattr(keras.Model, name)
        and not getattr(type(model), name).__module__.startswith("keras.")
    ]


def set_synchronized(layer: keras.layers.BatchNormalization, value: bool) -> None:
    """Sets whether a built BatchNorm synchronizes its statistics between replicas."""
    layer.synchronized = value
