"""All that we lean on in Keras without a public promise, each thing in one function.

docs/keras-internals.md says of each why it is needed; a test named after each shows at
once when a new Keras breaks it.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras.src import backend
from keras.src.backend import compute_output_spec
from keras.src.models.functional import Functional

from ...models.optimizer import build_optimizer_of, unwrapped
from ...strategies.tensorflow_internals import functions_are_traced

_STEPS_WORTH_A_TRACE = 50  # of a recurrent layer
_ATTACHED = ("_keras_mask", "_keras_logits")


def build_compiled(model: keras.Model, batch: tuple[Any, Any, Any]) -> None:
    """Makes all variables of a compiled model: weights, metrics, optimizer.

    Args:
        model: Compiled.
        batch: `tf.TensorSpec`s of inputs, targets and sample weights.
    """

    def symbol(spec: tf.TensorSpec | None) -> keras.KerasTensor | None:
        if spec is None:
            return None
        return keras.KerasTensor(spec.shape, dtype=spec.dtype.name)

    symbolic = tf.nest.map_structure(symbol, batch)
    if all(layer.built for layer in model._flatten_layers()):
        _build_optimizer(model)  # as Keras below, but told of the layers
    if batch[1] is None:  # there is nothing to build losses and metrics from
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
    """Makes variables of metrics and losses from outputs whose shapes are known.

    Keras would make a graph of the whole model, a second for a large one, to learn them.
    """
    outputs = tf.nest.map_structure(
        lambda output: keras.KerasTensor(output.shape, output.dtype),
        model._outputs_struct,
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
    """The symbolic inputs of a functional or sequential model; none of any other."""
    return list(getattr(model, "inputs", None) or [])


def attached(tensor: Any) -> list[Any]:
    """The mask and the logits that Keras has attached to a tensor, if there are any."""
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
    """Calls a function with each layer that is called, and with what it returned."""
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
    """Lets recurrent layers trace long loops in eager execution, which is faster."""
    loop = backend.rnn

    def traced_loop(step: Any, inputs: Any, states: Any, *rest: Any, **options: Any) -> Any:
        axis = 0 if options.get("time_major") else 1
        if (tf.nest.flatten(inputs)[0].shape[axis] or 0) <= _STEPS_WORTH_A_TRACE:
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
    """Stands for a strategy in an optimizer that updates the variables of one device."""

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
    """Applies gradients that are already summed over the replicas, in `on_each_device`.

    Keras's optimizers would update the variables of all devices with the gradients of
    this one. Its `LossScaleOptimizer.apply` refuses this context, since in its own way of
    working it would look at the gradients of the first replica only.
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
    """Takes gradient accumulation over from an optimizer that is built, for a while.

    Keras's own leaves a remainder at the end of an epoch and gives micro-batches of
    different size the same weight.

    Yields:
        Over how many batches to accumulate; 1 if not at all.
    """
    inner = unwrapped(optimizer)
    steps = inner.gradient_accumulation_steps
    inner.gradient_accumulation_steps = None
    try:
        yield steps or 1
    finally:
        inner.gradient_accumulation_steps = steps


def given_learning_rate(optimizer: keras.optimizers.Optimizer) -> Any:
    """What an optimizer takes its learning rate from: a schedule, or a variable.

    `optimizer.learning_rate` is what comes out of a schedule.
    """
    return unwrapped(optimizer)._learning_rate


def seed_generators(model: keras.Model) -> list[keras.random.SeedGenerator]:
    """The random generators of all layers, in a fixed order."""
    holders = [model, *model._flatten_layers(include_self=False, recursive=True)]
    found = {id(g): g for holder in holders for g in holder._seed_generators}
    return list(found.values())


def overridden_methods(model: keras.Model, names: Sequence[str]) -> list[str]:
    """Which of these methods of `keras.Model` a model defines for itself."""
    return [
        name
        for name in names
        if getattr(type(model), name) is not getattr(keras.Model, name)
        and not getattr(type(model), name).__module__.startswith("keras.")
    ]


def set_synchronized(layer: keras.layers.BatchNormalization, value: bool) -> None:
    """Lets a BatchNorm that is built share its batch statistics between replicas."""
    layer.synchronized = value
