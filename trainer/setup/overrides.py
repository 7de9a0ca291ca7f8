"""Rejects models that override methods of Keras which the Trainer does not call."""

import keras

from ...core.errors import ConfigError, message
from ...models import Module
from ..step.keras_internals import overridden_methods
from ..step.losses import overrides_training_step

_LOSSES_IN_TRAINING = ("train_step", "make_train_function")
_LOSSES = ("test_step", "compute_loss", "make_test_function")
_METRICS = ("compute_metrics", "get_metrics_result")
_OUTPUTS = ("predict_step", "make_predict_function")


def refuse_own_training(model: keras.Model, module: Module) -> None:
    """Rejects a model with custom training.

    Raises:
        ConfigError: It overrides a method that `Model.fit` would call.
    """
    _refuse_losses(model, module, (*_LOSSES_IN_TRAINING, *_LOSSES))
    _refuse_metrics(model)


def refuse_own_evaluation(model: keras.Model, module: Module) -> None:
    """Rejects a model with custom evaluation.

    Raises:
        ConfigError: It overrides a method that `Model.evaluate` would call.
    """
    _refuse_losses(model, module, _LOSSES)
    _refuse_metrics(model)


def refuse_own_prediction(model: keras.Model) -> None:
    """Rejects a model with custom prediction.

    Raises:
        ConfigError: It overrides a method that `Model.predict` would call.
    """
    remedy = "Move its lines to `call`, or use Model.predict."
    names = overridden_methods(model, _OUTPUTS)
    _refuse(model, names, "the Trainer calls the model itself", remedy)


def _refuse_losses(model: keras.Model, module: Module, names: tuple[str, ...]) -> None:
    if overrides_training_step(module):
        return  # `training_step` replaces these methods
    _refuse(
        model,
        overridden_methods(model, names),
        "on several replicas its results can't be combined exactly",
        "Move its lines to Module.training_step, which returns a loss for each example.",
    )


def _refuse_metrics(model: keras.Model) -> None:
    _refuse(
        model,
        overridden_methods(model, _METRICS),
        "on several replicas its results can't be combined exactly",
        "Pass a keras.metrics.Metric for each value to model.compile, or return a value "
        "for each example by name from Module.training_step.",
    )


def _refuse(model: keras.Model, names: list[str], reason: str, remedy: str) -> None:
    if names:
        raise ConfigError(
            message(
                f"A model must not override {', '.join(names)}: {reason}.",
                remedy,
                model=type(model).__name__,
            )
        )
