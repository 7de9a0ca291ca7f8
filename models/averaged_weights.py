"""Uses the moving averages of weights that an optimizer keeps."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from ..core.errors import ConfigError, message
from ..core.suggestion import Suggestion
from .keras_internals import averages_of
from .optimizer import unwrapped


class AveragedWeights:
    """Swaps the averages of `use_ema` into a model while it is not training.

    An exponential moving average of weights varies less than the weights, and often scores
    better: "Acceleration of Stochastic Approximation by Averaging", Polyak and Juditsky,
    1992. Only trainable weights have averages. The moving statistics of BatchNorm are
    kept, since they are already averages over a similar number of steps.

    Args:
        model: The model, built and compiled; its optimizer may be replaced later.
        strategy: The strategy that it is trained with.

    Raises:
        ConfigError: The optimizer keeps no averages.
    """

    def __init__(self, model: keras.Model, strategy: tf.distribute.Strategy) -> None:
        self._model = model
        self._strategy = strategy
        self._are_in_model = False
        if not unwrapped(model.optimizer).use_ema:
            raise ConfigError(
                message(
                    "`use_ema_weights` needs an optimizer that averages weights.",
                    use_ema=False,
                ),
                Suggestion("Set", {"optimizer.use_ema": True}, "."),
            )

    def start(self) -> None:
        """Initializes the averages with the current weights."""
        with self._strategy.scope():
            for weight, average in averages_of(self._model.optimizer):
                average.assign(weight)

    @contextlib.contextmanager
    def in_model(self) -> Iterator[None]:
        """Swaps weights and averages, bit for bit, and swaps them back on exit.

        A nested context has no effect.
        """
        if self._are_in_model:
            yield
            return
        self._swap()
        self._are_in_model = True
        try:
            yield
        finally:
            self._are_in_model = False
            self._swap()

    def _swap(self) -> None:
        local = self._strategy.experimental_local_results
        for weight, average in averages_of(self._model.optimizer):
            copies = zip(local(weight.value), local(average.value), strict=True)
            for own, averaged in copies:
                value = tf.identity(own)
                own.assign(averaged)
                averaged.assign(value)


def averaged_weights(
    is_wanted: bool, model: keras.Model, strategy: tf.distribute.Strategy
) -> AveragedWeights | None:
    """Creates the averages of a model's weights if wanted, otherwise returns None."""
    return AveragedWeights(model, strategy) if is_wanted else None
