"""Which variables weight decay spares."""

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
# Of vision transformers, in Keras, KerasHub and PyTorch's names.
_EMBEDDING = re.compile(
    r"(^|_)(cls|class|dist\w*|mask|register)_tokens?$|pos\w*_embed|relative_position"
)


def spared_variables(model: keras.Model, exclusion: WeightDecayExclusion) -> list[bool]:
    """Which variables weight decay leaves alone.

    Args:
        model: Built.
        exclusion: `biases_and_norms` are biases, what belongs to a normalization, and
            whatever else has one dimension at most, such as the scales of a layer;
            `biases_norms_and_embeddings` are also embeddings, among them those of
            positions and class tokens.

    Returns:
        A bool for each of `model.trainable_variables`.
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
