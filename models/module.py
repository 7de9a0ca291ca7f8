"""The contract between the Trainer and what it trains."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np
import numpy.typing as npt

from ..core.errors import ConfigError, message

Floats = npt.NDArray[np.floating[Any]]


class TrainingExamples(Protocol):
    """The training examples, as `Module.prepare` can look at them."""

    def __call__(self, part: keras.Model, view: int | None = None) -> Floats:
        """Runs a model on all of them, in order, and returns its outputs, a row each.

        Args:
            part: From the inputs of the model that is trained to whatever is wanted.
            view: Which of their versions to take; None takes them as they are.
        """

    @property
    def num_views(self) -> int:
        """How many versions there are of each; 1 if they stay as they are."""

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """`(examples,)` class numbers; a ConfigError of data that are not ImageData."""

    @property
    def weights(self) -> Floats | None:
        """`(examples,)` how much each counts in an epoch; None if all count the same."""

    @property
    def groups(self) -> npt.NDArray[np.integer[Any]]:
        """`(examples,)` numbers that examples share which no split divides."""


class FrozenPart(NamedTuple):
    """A part of a model that training leaves as it is.

    Attributes:
        model: From the model's inputs to features.
        settings: What decides its outputs beside its layers and weights: values that
            JSON can hold.
    """

    model: keras.Model
    settings: Mapping[str, Any] = MappingProxyType({})


class Module:
    """A model and how it is trained.

    Subclasses say how to build the model; everything else (weights, replicas,
    accumulation, precision, checkpoints) is the Trainer's.

    Attributes:
        is_fitted: Whether `prepare` finds all weights, and no step of training changes
            any. A fit is then one epoch that only measures. False by default.

    Example:
        >>> class Line(Module):
        ...     def build(self):
        ...         model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        ...         model.compile("sgd", loss="mse")
        ...         return model
    """

    is_fitted: bool = False

    def build(self) -> keras.Model:
        """Makes the compiled model. Called once, in the scope of the strategy."""
        raise NotImplementedError(f"{type(self).__name__} must define build().")

    def training_step(
        self, model: keras.Model, batch: tuple[Any, Any, Any], training: bool
    ) -> dict[str, Any]:
        """Computes losses in one's own way; the compiled loss is used otherwise.

        Called in replica context, within a `tf.function`, with the part of the batch
        that one replica gets; that part can be empty. In validation it is called with
        `training=False`.

        Args:
            model: What `build` returned.
            batch: Inputs, targets and sample weights (None where there are none).
            training: Whether dropout and the like are on.

        Returns:
            `"loss"`: `(rows,)`, the loss of each example. `"predictions"`: what the
            compiled metrics see; optional if there are none. Further values `(rows,)`
            under names of their own are logged as means over examples.
        """
        raise NotImplementedError

    def prepare(self, model: keras.Model, examples: TrainingExamples) -> str | None:
        """Looks at the training data before the first step. Does nothing by default.

        Called in the scope of the strategy, and not when a run is resumed.

        Args:
            model: What `build` returned.
            examples: `examples(part)` runs a model on all training examples, in order and
                without augmentation, and returns its outputs, a row an example.

        Returns:
            A line for people on what came out, or None.
        """
        return None

    def frozen_part(self, model: keras.Model) -> FrozenPart | None:
        """The part of the model that training leaves as it is.

        Its outputs are computed once for each image, where the data allow it, and
        `trained_part` is trained on them. None, the default, leaves it to the Trainer to
        find the part in the graph of a functional or sequential model.

        Args:
            model: What `build` returned.
        """
        return None

    def trained_part(self, model: keras.Model) -> keras.Model | None:
        """The rest: from the outputs of `frozen_part` to those of the model.

        None, the default, takes what lies between both in the graph of the model.

        Args:
            model: What `build` returned.

        Returns:
            A model of the very same layers, compiled with the model's own optimizer.
        """
        return None

    @property
    def corrects_imbalance(self) -> bool:
        """Whether its loss makes up for classes of unequal size: False by default.

        Weights and sampling that do so as well are then refused.
        """
        return False

    def settings(self) -> dict[str, Any]:
        """What it was made with: values that JSON can hold, compared when resuming."""
        return {}

    def describe(self, model: keras.Model) -> str:
        """Says in a line what is trained."""
        return f"{model.name}: {count_parameters(model)}"


class FunctionModule(Module):
    """Wraps a function that returns a compiled model.

    Args:
        function: Called without arguments, in the scope of the strategy.
    """

    def __init__(self, function: Callable[[], keras.Model]) -> None:
        self.function = function

    def build(self) -> keras.Model:
        """Makes the compiled model."""
        return self.function()


def as_module(value: Module | Callable[[], keras.Model]) -> Module:
    """Accepts a function that returns a compiled model in place of a module.

    Raises:
        ConfigError: It is neither; a model that is built already can't be moved to
            the devices of a strategy.
    """
    if isinstance(value, Module):
        return value
    if isinstance(value, keras.Model):
        raise ConfigError(
            message(
                "`module` must be a Module or a function that returns a compiled model, "
                "so that the model is made on the devices it trains on.",
                "Move the lines that build and compile it into a function, and pass that.",
                module=type(value).__name__,
            )
        )
    if callable(value):
        return FunctionModule(value)
    raise ConfigError(
        message(
            "`module` must be a Module or a function that returns a compiled model.",
            module=value,
        )
    )


def count_parameters(model: keras.Model) -> str:
    """Parameters of a model in words: all of them, and those that train."""
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    return f"{model.count_params():,} parameters, {trainable:,} trainable"
