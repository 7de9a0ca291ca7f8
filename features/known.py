"""Finds the features of images that a model has been trained or validated on."""

from typing import Any

import keras

from ..models.inference import parts_of
from .contracts import Cacheable
from .entry import Entry
from .fingerprint import fingerprint_of
from .some_rows import SomeRows
from .split import FeatureSplit


def on_known_features(model: keras.Model, source: Any) -> tuple[keras.Model, Any]:
    """Replaces a model by its head, and images by their features, if the store has them.

    The key of the features covers the weights that the frozen part has now and the content
    of the images, and the head has the variables of the model. Therefore both pairs have
    the same outputs.

    Args:
        model: The model. Only one that a fit trained on cached features has a known head.
        source: Its images; other sources are not replaced.

    Returns:
        The head and the features, or `model` and `source`.
    """
    parts = parts_of(model)
    if parts is None or not isinstance(source, Cacheable) or source.store is None:
        return model, source
    frozen, head = parts
    whole, places = source.whole or (source, None)
    entry = Entry.of(whole, frozen.model, fingerprint_of(frozen))
    found = entry.open(source.store, entry.key)
    if found is None:
        return model, source
    features = found[0] if places is None else SomeRows([found[0]], places)
    return head, FeatureSplit(source, [features])
