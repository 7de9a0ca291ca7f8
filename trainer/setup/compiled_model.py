"""Builds the model of a module, and rejects unsupported features of compiled models.

docs/keras.md lists the supported and unsupported features.
"""

from typing import Any
from weakref import WeakKeyDictionary

import keras
import tensorflow as tf

from ...core.errors import ConfigError, message
from ...models import Module
from ...models.variables import batch_norms
from ...strategies import Position, Replicas
from ...strategies.tensorflow_internals import gradients_freed_with_their_graphs, trace
from ..contracts import BatchSource, mixes_images
from ..guards.other_image_size import refuse_other_image_size
from ..step.batch_size import check_batch_size
from ..step.keras_internals import build_compiled, set_synchronized
from ..step.loss_internals import compiled_losses, ignored_losses
from ..step.losses import overrides_training_step
from ..step.metric_internals import name_counts, renumber_metrics
from .earlier_models import free_earlier_models, register_model
from .mixed_targets import check_mixed_losses, check_mixed_metrics
from .overrides import refuse_own_training

Spec = tuple[Any, Any, Any]
_SPECS: WeakKeyDictionary[BatchSource, Spec] = WeakKeyDictionary()


def build_model(
    module: Module,
    strategy: tf.distribute.Strategy,
    source: BatchSource,
    sync_batch_norm: bool,
) -> keras.Model:
    """Creates a model with all its variables, ready to train.

    Args:
        module: The module to build.
        strategy: The strategy in whose scope to build it.
        source: The training batches.
        sync_batch_norm: Whether BatchNorm synchronizes its statistics between replicas.

    Raises:
        ConfigError: The model is not compiled, or uses an unsupported feature.
    """
    free_earlier_models()
    spec, counts = batch_spec(source), name_counts()
    with strategy.scope(), gradients_freed_with_their_graphs():
        model = module.build()
        check_compiled(model, module)
        refuse_other_image_size(model, source)
        check_targets(model, module, spec[1])
        if mixes_images(source):
            check_mixed_losses(model, module, spec[1].shape[-1])
        check_batch_size(model, _rows(spec), strategy.num_replicas_in_sync)
        build_compiled(model, spec)
        if mixes_images(source):
            check_mixed_metrics(model, spec[1].shape[-1])
    renumber_metrics(model, counts)
    check_losses(model)
    check_trainable(model, module)
    for layer in batch_norms(model):
        set_synchronized(layer, sync_batch_norm and strategy.num_replicas_in_sync > 1)
    register_model(model)
    return model


def batch_spec(source: BatchSource) -> Spec:
    """Returns the `tf.TensorSpec`s of inputs, targets and weights of a source.

    They are cached per source, since the trials of a search share their data.
    """
    if source not in _SPECS:
        _SPECS[source] = _find_spec(source)
    return _SPECS[source]


def _find_spec(source: BatchSource) -> Spec:
    (part_spec,) = source.batches(Position(), Replicas()).element_spec
    prepare = trace(source.prepare)
    outputs = prepare.get_concrete_function(part_spec.content).structured_outputs
    inputs, targets, weights = outputs
    return inputs, targets, weights


def _rows(spec: Spec) -> int | None:
    return tf.nest.flatten(spec[0])[0].shape[0]


def check_compiled(model: Any, module: Module) -> None:
    """Rejects a model that the Trainer would not train as compiled.

    Raises:
        ConfigError: It is not a compiled `keras.Model`, overrides methods that train, or is
            compiled with `run_eagerly`.
    """
    if not isinstance(model, keras.Model):
        raise ConfigError(
            message(
                "`build` must return a keras.Model.",
                "Does the function end with `return model`?",
                returned=type(model).__name__,
            )
        )
    refuse_own_training(model, module)
    if not model.compiled or model.optimizer is None:
        raise ConfigError(
            message(
                "The model must be compiled with an optimizer.",
                "Call model.compile(optimizer, loss) before returning it.",
                model=model.name,
            )
        )
    if model.run_eagerly:
        raise ConfigError(
            message(
                "`run_eagerly` can't be honored: steps run in a tf.function of Keraunos.",
                "Leave it out of model.compile.",
                run_eagerly=model.run_eagerly,
            )
        )


def check_trainable(model: keras.Model, module: Module) -> None:
    """Checks that a built model has trainable variables, unless its head is fitted.

    Raises:
        ConfigError: It has no trainable variables, or is fitted and has some.
    """
    if module.is_fitted and model.trainable_variables:
        raise ConfigError(
            message(
                "The model of a module with `is_fitted` must have no trainable variables.",
                "Set `trainable = False` on its layers, or `is_fitted = False`.",
                model=model.name,
                trainable_variables=len(model.trainable_variables),
            )
        )
    if not model.trainable_variables and not module.is_fitted:
        raise ConfigError(
            message(
                "The model must have trainable variables.",
                "Set `trainable = True` on the layers to train, or evaluate the model with "
                "Trainer.validate.",
                model=model.name,
                trainable_variables=0,
            )
        )


def check_targets(model: keras.Model, module: Module, targets: Any) -> None:
    """Rejects data without targets where the compiled loss needs them.

    Raises:
        ConfigError: There are no targets.
    """
    if targets is None and model.loss is not None and not overrides_training_step(module):
        raise ConfigError(
            message(
                "The data must have targets for the loss of the compiled model.",
                "Make the elements of the dataset pairs (x, y), or define "
                "Module.training_step, which does not need targets.",
                elements="x",
            )
        )


def check_losses(model: keras.Model) -> None:
    """Rejects compiled losses without a reduction, or ignored by Keras.

    Raises:
        ConfigError: A loss has no reduction, or Keras would ignore it.
    """
    ignored = ignored_losses(model)
    if ignored:
        raise ConfigError(
            message(
                "An output must have one loss: of several, Keras uses only the first.",
                "Pass one function that adds them up.",
                ignored=ignored,
            )
        )
    for compiled in compiled_losses(model):
        if compiled.loss.reduction in (None, "none"):
            raise ConfigError(
                message(
                    "Each loss must have a reduction.",
                    'Use reduction="sum_over_batch_size", or "sum".',
                    loss=compiled.name,
                    reduction=compiled.loss.reduction,
                )
            )
