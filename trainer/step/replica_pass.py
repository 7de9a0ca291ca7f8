"""The forward and backward pass of one replica."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ...core.errors import ConfigError, message
from ...models import Module
from .lookups import with_lookups_apart
from .losses import Forward, Kind, forward

Batch = tuple[Any, Any, Any]


class PassResult(NamedTuple):
    """The results of a replica's forward and backward pass.

    Attributes:
        numerators: Numerator of each loss, in the order of `ReplicaPass.kinds`.
        denominators: Denominators by divisor.
        gradients: By divisor, the gradient of the sum of numerators per variable, not yet
            divided. None if the loss does not depend on a variable.
        predictions: Predictions for the compiled metrics with their masks, or None.
        values: Sums of other values to log.
    """

    numerators: list[tf.Tensor]
    denominators: dict[str, tf.Tensor]
    gradients: dict[str, list[Any]]
    predictions: Any
    values: dict[str, tf.Tensor]


class ReplicaPass:
    """Runs a model forward and backward on a replica's part of a batch.

    Called in replica context while tracing. It neither sums over replicas nor updates
    weights or compiled metrics. The only variables that change are those that layers
    assign in their forward pass: moving statistics, random generators, and their metrics.

    Args:
        model: The model, built and compiled.
        module: The module, which may define its own `training_step`.
        num_replicas: Number of replicas that share each batch.

    Attributes:
        kinds: The kinds of the losses, in the order of the numerators; known after tracing.
    """

    def __init__(self, model: keras.Model, module: Module, num_replicas: int) -> None:
        self._model = model
        self._module = module
        self._is_alone = num_replicas == 1
        self._variables = [variable.value for variable in model.trainable_variables]
        self.kinds: list[Kind] = []

    def __call__(self, batch: Batch, repeats: tf.Tensor) -> PassResult:
        """Runs the pass.

        Args:
            batch: Inputs, targets and sample weights, as `Prepare` returns them.
            repeats: Number of replicas that have this same part: scalar int32.

        Raises:
            ConfigError: The loss does not depend on any trainable variable.
        """
        with tf.GradientTape(persistent=True) as tape:
            result = forward(self._model, self._module, batch, repeats, training=True)
            sums = self._sum_by_divisor(result)
        gradients = {
            divisor: self._gradients(tape, total, batch) for divisor, total in sums.items()
        }
        _require_gradients(gradients)
        self.kinds = [term.kind for term in result.terms]
        return PassResult(
            [term.numerator for term in result.terms],
            {term.kind.divisor: term.denominator for term in result.terms},
            gradients,
            result.predictions,
            result.values,
        )

    def _gradients(
        self, tape: tf.GradientTape, total: tf.Tensor, batch: Batch
    ) -> list[Any]:
        gradients = tape.gradient(total, self._variables)
        if self._is_alone:
            return gradients
        return [with_lookups_apart(gradient, batch) for gradient in gradients]

    def _sum_by_divisor(self, result: Forward) -> dict[str, tf.Tensor]:
        """Sums weighted numerators by divisor; scaled if the optimizer scales losses."""
        sums: dict[str, list[tf.Tensor]] = {}
        for kind, numerator, _ in result.terms:
            sums.setdefault(kind.divisor, []).append(kind.weight * numerator)
        scale = self._model.optimizer.scale_loss
        return {divisor: scale(tf.add_n(each)) for divisor, each in sums.items()}


def _require_gradients(gradients: dict[str, list[Any]]) -> None:
    """Rejects a loss that does not depend on any trainable variable."""
    if all(each is None for some in gradients.values() for each in some):
        raise ConfigError(
            message(
                "The loss must depend on trainable variables.",
                "Compute it from the outputs of the model, with operations that have "
                "gradients: not argmax, round or NumPy.",
                variables_with_a_gradient=0,
            )
        )
