"""Selects the variables that are excluded from weight decay."""

import re

import keras

from ..configs.choices import WeightDecayExclusion
from .variables import all_layers

_NORMALIZATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
)
# Names in vision transformers of Keras, KerasHub and PyTorch.
_EMBEDDING = re.compile(
    r"(^|_)(cls|class|dist\w*|mask|register)_tokens?$|pos\w*_embed|relative_position"
)


def spared_variables(model: keras.Model, exclusion: WeightDecayExclusion) -> list[bool]:
    """Selects the variables that are excluded from weight decay.

    Args:
        model: The model, built.
        exclusion: `biases_and_norms` excludes biases, variables of normalization layers,
            and variables with at most one dimension, such as scales;
            `biases_norms_and_embeddings` also excludes embeddings, including those of
            positions and class tokens.

    Returns:
        Whether each of `model.trainable_variables` is excluded.
    """
    if exclusion == "none":
        return [False] * len(model.trainable_variables)
    kinds: tuple[type[keras.Layer], ...] = _NORMALIZATIONS
    if exclusion == "biases_norms_and_embeddings":
        kinds = (*kinds, keras.layers.Embedding)
    layers = [layer for layer in all_layers(model) if isinstance(layer, kinds)]
    spared = {id(variable) for layer in layers for variable in layer.weights}
    return [
        id(variable) in spared
        or len(variable.shape) <= 1
        or variable.name == "bias"
        or (
            exclusion == "biases_norms_and_embeddings"
            and _EMBEDDING.search(variable.name) is not None
        )
        for variable in model.trainable_variables
    ]
