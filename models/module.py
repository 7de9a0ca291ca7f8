"""The interface between the Trainer and what it trains."""

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
    """The training examples, as seen by `Module.prepare`."""

    def __call__(self, part: keras.Model, view: int | None = None) -> Floats:
        """Runs a model on all examples, in order; returns its outputs, one row per example.

        Args:
            part: A model on the inputs of the trained model.
            view: The version of the examples; None for no augmentation.
        """

    @property
    def num_views(self) -> int:
        """The number of versions of each example; 1 without augmentation."""

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """`(examples,)` class indices; a ConfigError for data other than ImageData."""

    @property
    def weights(self) -> Floats | None:
        """`(examples,)` the weight of each example in an epoch; None if all are equal."""

    @property
    def groups(self) -> npt.NDArray[np.integer[Any]]:
        """`(examples,)` numbers shared by examples that no split separates."""


class FrozenPart(NamedTuple):
    """The part of a model that does not change in training.

    Attributes:
        model: From the model's inputs to features.
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
        is_fitted: Whether `prepare` fits all weights, and no training step changes any. A
            fit is then one epoch that only evaluates. False by default.
        uses_sample_weight: Whether the loss of `training_step` depends on sample weights
            where there are some. True by default: a loss that ignores them is an error.

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
                `class_weight` and `data.class_balance=weights` come as sample weights,
                too. The Trainer doesn't apply them: multiply the losses by them. A loss
                that ignores them is an error, unless `uses_sample_weight` is False.
            training: Whether dropout and the like are active.

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
            A line for people on the result, or None.
        """
        return None

    def frozen_part(self, model: keras.Model) -> FrozenPart | None:
        """The part of the model that does not change in training.

        Its outputs are computed once for each image if the data allows it, and
        `trained_part` is trained on them. With None, the default, the Trainer finds this
        part in the graph of a functional or sequential model.

        Args:
            model: The result of `build`.
        """
        return None

    def trained_part(self, model: keras.Model) -> keras.Model | None:
        """The rest: from the outputs of `frozen_part` to those of the model.

        None, the default, uses the part of the graph in between.

        Args:
            model: The result of `build`.

        Returns:
            A model of the same layer objects, compiled with the optimizer of the model.
        """
        return None

    @property
    def corrects_imbalance(self) -> bool:
        """Whether its loss compensates for class imbalance: False by default.

        If so, class weights and sampling are rejected.
        """
        return False

    def settings(self) -> dict[str, Any]:
        """The settings of the module: JSON values, compared when resuming."""
        return {}

    def describe(self, model: keras.Model) -> str:
        """Describes in one line what is trained."""
        return f"{model.name}: {count_parameters(model)}"


class FunctionModule(Module):
    """Wraps a function that returns a compiled model.

    Args:
        function: Called without arguments, in the scope of the strategy.
    """

    def __init__(self, function: Callable[[], keras.Model]) -> None:
        self.function = function

    def build(self) -> keras.Model:
        """Creates the compiled model."""
        return self.function()


def as_module(value: Module | Callable[[], keras.Model]) -> Module:
    """Accepts a function that returns a compiled model instead of a module.

    Raises:
        ConfigError: It is neither; a model that is already built can't be moved to the
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
