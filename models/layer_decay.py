"""Layer-wise learning rate decay."""

import keras

from ..core.errors import ConfigError, message
from .stages import find_stages


def rate_multipliers(model: keras.Model, decay: float) -> list[float]:
    """Computes the learning rate multiplier of each trainable variable.

    Layer-wise learning rate decay (ELECTRA, Clark et al. 2020; BEiT, Bao et al. 2021): the
    head has the full learning rate, and each stage that of the next one times `decay`. A
    stage of a transformer is a block.

    Args:
        model: The model, built.
        decay: Factor per stage, in (0, 1].

    Returns:
        A multiplier for each of `model.trainable_variables`.

    Raises:
        ConfigError: The order of the layers is unknown.

    Example:
        >>> dense = keras.layers.Dense
        >>> model = keras.Sequential([keras.Input((4,)), dense(3), dense(3), dense(2)])
        >>> rate_multipliers(model, 0.5)
        [0.25, 0.25, 0.5, 0.5, 1.0, 1.0]
    """
    variables = model.trainable_variables
    if decay == 1.0:
        return [1.0] * len(variables)
    stages = find_stages(model)
    by_variable = {
        id(variable): decay**distance
        for distance, stage in enumerate(reversed(stages or ()))
        for layer in stage.layers
        for variable in layer.weights
    }
    if not all(id(variable) in by_variable for variable in variables):
        raise ConfigError(
            message(
                "The order of the layers must be known for `optimizer.layer_decay`: the "
                "model and all models within it must be functional or sequential, and each "
                "layer with weights must be called once.",
                "Build it with keras.Model(inputs, outputs), or leave out layer_decay.",
                layer_decay=decay,
                model=model.name,
            )
        )
    return [by_variable[id(variable)] for variable in variables]
