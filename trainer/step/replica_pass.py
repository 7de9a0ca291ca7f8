"""The forward and backward pass of one replica, from its batch to sums and gradients."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from ...core.errors import ConfigError, message
from ...models import Module
from .lookups import with_lookups_apart
from .losses import Forward, Kind, forward

Batch = tuple[Any, Any, Any]


class PassResult(NamedTuple):
    """What a replica's forward and backward pass gives.

    Attributes:
        numerators: Of each loss, in the order of `ReplicaPass.kinds`.
        denominators: For each divisor.
        gradients: For each divisor one for each variable: of the sum of the numerators,
            not divided by anything. None if the loss does not depend on a variable.
        predictions: For the compiled metrics, or None; masks are attached to them.
        values: Sums of what else is logged.
    """

    numerators: list[tf.Tensor]
    denominators: dict[str, tf.Tensor]
    gradients: dict[str, list[Any]]
    predictions: Any
    values: dict[str, tf.Tensor]


class ReplicaPass:
    """Runs a model forward and backward on a replica's part of a batch.

    Called in replica context while tracing. It neither sums over replicas nor updates
    weights or compiled metrics; the only variables that change are those that layers
    change in their forward pass: moving statistics, random generators, metrics of
    their own.

    Args:
        model: Built and compiled.
        module: May define its own `training_step`.
        num_replicas: That share each batch.

    Attributes:
        kinds: Which losses the numerators are of; known once a pass has been traced.
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
            repeats: Scalar int32: how many replicas have this same part.

        Raises:
            ConfigError: The loss depends on no variable that trains.
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
        """What gradients are taken of; scaled, if the optimizer scales losses."""
        sums: dict[str, list[tf.Tensor]] = {}
        for kind, numerator, _ in result.terms:
            sums.setdefault(kind.divisor, []).append(kind.weight * numerator)
        scale = self._model.optimizer.scale_loss
        return {divisor: scale(tf.add_n(each)) for divisor, each in sums.items()}


def _require_gradients(gradients: dict[str, list[Any]]) -> None:
    """Rejects a loss that no variable has an influence on."""
    if all(each is None for some in gradients.values() for each in some):
        raise ConfigError(
            message(
                "The loss must depend on trainable variables.",
                "Compute it from the outputs of the model, with operations that have "
                "gradients: not argmax, round or NumPy.",
                variables_with_a_gradient=0,
            )
        )
