"""The interface between the Trainer and the models it trains."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np
import numpy.typing as npt

from ..core.errors import ConfigError, message
from ..core.signatures import require_signature, wrong_signatures
from .uncalled_methods import uncalled_methods

Floats = npt.NDArray[np.floating[Any]]


class TrainingExamples(Protocol):
    """The training examples, passed to `Module.prepare`."""

    def __call__(self, part: keras.Model, view: int | None = None) -> Floats:
        """Runs a model on all examples and returns its outputs, one row per example.

        Args:
            part: A model on the inputs of the trained model.
            view: The version of the examples; None for no augmentation.
        """

    @property
    def num_views(self) -> int:
        """The number of versions of each example; 1 without augmentation."""

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """Class indices, `(examples,)`; a ConfigError for data other than ImageData."""

    @property
    def weights(self) -> Floats | None:
        """Weight of each example in an epoch, `(examples,)`; None if all are equal."""

    @property
    def groups(self) -> npt.NDArray[np.integer[Any]]:
        """Group number of each example, `(examples,)`; a group stays in one split."""


class FrozenPart(NamedTuple):
    """The part of a model that does not change in training.

    Attributes:
        model: Maps the model's inputs to features.
        settings: JSON values that determine its outputs in addition to its layers and
            weights.
    """

    model: keras.Model
    settings: Mapping[str, Any] = MappingProxyType({})


class Module:
    """A model and how it is trained.

    Subclasses define how to build the model; everything else (weights, replicas,
    accumulation, precision, checkpoints) is up to the Trainer.

    Attributes:
        is_fitted: Whether `prepare` computes all weights and no training step changes any.
            A fit is then one epoch that only evaluates. False by default.
        uses_sample_weight: Whether the loss of `training_step` depends on the sample
            weights, if there are any. True by default: a loss that ignores them is an
            error.

    Example:
        >>> class Line(Module):
        ...     def build(self):
        ...         model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        ...         model.compile("sgd", loss="mse")
        ...         return model
    """

    is_fitted: bool = False
    uses_sample_weight: bool = True

    def build(self) -> keras.Model:
        """Creates the compiled model. Called once, in the scope of the strategy."""
        raise NotImplementedError(f"{type(self).__name__} must define build().")

    def training_step(
        self, model: keras.Model, batch: tuple[Any, Any, Any], training: bool
    ) -> dict[str, Any]:
        """Computes custom losses; by default, the compiled loss is used.

        Called in replica context, within a `tf.function`, with one replica's part of the
        batch, which can be empty. In validation it is called with `training=False`.

        Args:
            model: The result of `build`.
            batch: Inputs, targets and sample weights (None if there are none).
                `class_weight` and `data.class_balance=weights` are passed as sample
                weights. The Trainer doesn't apply them: multiply the losses by them. A loss
                that ignores them is an error, unless `uses_sample_weight` is False.
            training: Whether the model runs in training mode.

        Returns:
            `"loss"`: `(rows,)`, the loss of each example. `"predictions"`: the input of the
            compiled metrics; optional if there are none. Further values `(rows,)` under
            other names are logged as means over examples.
        """
        raise NotImplementedError

    def prepare(self, model: keras.Model, examples: TrainingExamples) -> str | None:
        """Prepares the model from the training data before the first step.

        Does nothing by default. Called in the scope of the strategy, and not when a run is
        resumed.

        Args:
            model: The result of `build`.
            examples: `examples(part)` runs a model on all training examples, in order and
                without augmentation, and returns its outputs, one row per example.

        Returns:
            A line about the result for the log, or None.
        """
        return None

    def frozen_part(self, model: keras.Model) -> FrozenPart | None:
        """Returns the part of the model that does not change in training.

        Its outputs are computed once per image if the data allows it, and `trained_part` is
        trained on them. If None, the default, the Trainer finds this part in the graph of a
        functional or sequential model.

        Args:
            model: The result of `build`.
        """
        return None

    def trained_part(self, model: keras.Model) -> keras.Model | None:
        """Returns the rest, from the outputs of `frozen_part` to those of the model.

        None, the default, uses the part of the graph in between.

        Args:
            model: The result of `build`.

        Returns:
            A model of the same layer objects, compiled with the optimizer of the model.
        """
        return None

    @property
    def corrects_imbalance(self) -> bool:
        """Whether the loss compensates for class imbalance; False by default.

        If so, class weights and sampling are rejected.
        """
        return False

    def settings(self) -> dict[str, Any]:
        """Returns the settings of the module: JSON values, compared when resuming."""
        return {}

    def describe(self, model: keras.Model) -> str:
        """Describes the model in one line."""
        return f"{model.name}: {count_parameters(model)}"


class FunctionModule(Module):
    """Wraps a function that returns a compiled model.

    Args:
        function: A function without arguments, called in the scope of the strategy.
    """

    def __init__(self, function: Callable[[], keras.Model]) -> None:
        self.function = function

    def build(self) -> keras.Model:
        """Creates the compiled model."""
        return self.function()


def as_module(value: Module | Callable[[], keras.Model]) -> Module:
    """Returns a module unchanged, or wraps a function that returns a compiled model.

    Raises:
        ConfigError: `value` is neither, such as a model, which can't be moved to the
            devices of a strategy. Or the module has methods of Lightning, which would
            never be called, or the function or a method takes other arguments.
    """
    if isinstance(value, Module):
        problems = [*uncalled_methods(value), *wrong_signatures(value, Module)]
        if problems:
            raise ConfigError("\n".join(problems))
        return value
    if isinstance(value, keras.Model):
        raise ConfigError(
            message(
                "`module` must be a Module or a function that returns a compiled model, so "
                "that the model is created on the devices it trains on.",
                "Move the lines that build and compile it into a function, and pass that.",
                module=type(value).__name__,
            )
        )
    if callable(value):
        remedy = "Write a lambda around it: fit(lambda: build_model(9), data)."
        require_signature(value, [], "module", remedy)
        return FunctionModule(value)
    raise ConfigError(
        message(
            "`module` must be a Module or a function that returns a compiled model.",
            module=value,
        )
    )


def count_parameters(model: keras.Model) -> str:
    """Describes the number of all and of trainable parameters of a model."""
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    return f"{model.count_params():,} parameters, {trainable:,} trainable"
