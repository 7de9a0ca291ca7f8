"""Runs a model on the cached features of images, behind its frozen part."""

from collections.abc import Callable, Iterator
from typing import Any

import keras

from ..core.progress import track
from ..core.store import Store
from ..models import FrozenPart
from ..models.inference import parts_of
from ..models.keras_graph import head_behind
from ..strategies import workers_of
from .cache import FeatureCache
from .contracts import Cacheable
from .split import FeatureSplit

PredictBatches = Callable[[keras.Model, Cacheable, int], Iterator[Any]]


def open_cache(
    frozen: FrozenPart,
    store: Store,
    model: keras.Model,
    predict_batches: PredictBatches,
    between_calls: Callable[[], None] = lambda: None,
) -> FeatureCache:
    """Opens the cache of the features of a frozen part.

    Args:
        frozen: The frozen part.
        store: Where features are kept.
        model: The whole model.
        predict_batches: Runs a model on images from a given batch, and yields its outputs
            batch by batch, one row per image.
        between_calls: Called after each batch, and while another process computes.
    """

    def compute(part: keras.Model, images: Cacheable, start: int) -> Iterator[Any]:
        outputs = predict_batches(part, images, start)
        total = images.num_batches - start
        for features in track(outputs, "Computing features", total):
            yield features
            between_calls()

    workers = workers_of(model.distribute_strategy)
    return FeatureCache(frozen, store, compute, workers, between_calls)


def on_features(
    model: keras.Model, source: Any, predict_batches: PredictBatches
) -> tuple[keras.Model, Any]:
    """Replaces a model by its head, and images by their features.

    Features that are not in the cache are computed first. Their key covers the weights that
    the frozen part has now and the content of the images, and the head has the variables of
    the model. Therefore both pairs have the same outputs.

    Args:
        model: A compiled model. Only one that a fit trained on cached features is replaced,
            and only while its frozen part is frozen.
        source: Its images, in order and not augmented; other sources are not replaced.
        predict_batches: See `open_cache`.

    Returns:
        The head and the features, or `model` and `source`.
    """
    parts = parts_of(model)
    if parts is None or not isinstance(source, Cacheable) or source.store is None:
        return model, source
    frozen, _ = parts
    if frozen.model.trainable_variables or source.in_order is not source:
        return model, source
    cache = open_cache(frozen, source.store, model, predict_batches)
    if not cache.can_keep(source):  # they may not fit into memory either
        return model, source
    features = cache.features(source)
    with model.distribute_strategy.scope():
        head = head_behind(frozen.model.output, model)  # compiled as the model is now
    return head, FeatureSplit(source, [features])
