"""Trains a head on cached features of a frozen network, where data and module allow it."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np

from ..configs import TrainerConfig
from ..core.errors import ConfigError, KeraunosError, message
from ..core.progress import track
from ..core.store import Store
from ..models import FeatureCache, Module
from ..strategies import workers_of
from .contracts import BatchSource
from .loop.evaluation import predict_batches
from .setup.compiled_model import batch_spec
from .step.keras_internals import build_compiled

# By how much probabilities of the whole model may differ from those on cached features.
TOLERANCES = {"float32": 1e-4, "float64": 1e-4}
TOLERANCE_OF_LOW_PRECISION = 2e-2
CHECKED = 32


class Trained(NamedTuple):
    """What the loop runs on.

    Attributes:
        model: The whole model; or its head, which shares its layers.
        train: Batches for it.
        validation: Batches for it, or None.
    """

    model: keras.Model
    train: BatchSource
    validation: BatchSource | None


def reason_against(
    settings: TrainerConfig, module: Module, model: keras.Model, data: Any, train: Any
) -> str | None:
    """Why features can't be cached; None if they can."""
    if settings.fast_dev_run:
        return "fast_dev_run looks at one batch only"
    if settings.overfit_batches is not None:
        return "overfit_batches goes through the same images again and again"
    frozen = module.frozen_part(model)
    if frozen is None:
        return "no part of the model is known to stay as it is"
    if frozen.model.trainable_variables:
        return "the backbone trains, too"
    if not isinstance(getattr(data, "store", None), Store) or not hasattr(train, "view"):
        return "the data are not ImageData"
    if train.num_views is None:
        return "augmentation.views is fresh: each picture is new each time"
    return None


def decide(mode: str, reason: str | None) -> bool:
    """Whether to cache features.

    Raises:
        ConfigError: That is wanted, and can't be.
    """
    if mode == "on" and reason is not None:
        raise ConfigError(
            message(
                f"`feature_cache=on` is not possible: {reason}.",
                "Set augmentation.views to a number, or feature_cache to auto.",
                feature_cache=mode,
            )
        )
    return mode != "off" and reason is None


def open_cache(
    module: Module, model: keras.Model, data: Any, between_calls: Callable[[], None]
) -> FeatureCache:
    """The features of a model's frozen part, computed where they are not known.

    Args:
        module: Knows the parts of the model.
        model: Built, with its final frozen weights.
        data: `ImageData`.
        between_calls: Is called after each batch, and while another process computes.
    """

    def compute(part: keras.Model, source: Any, start: int) -> Iterator[Any]:
        outputs = predict_batches(part, source, start)
        for features in track(outputs, "Computing features", source.num_batches - start):
            yield features
            between_calls()

    with model.distribute_strategy.scope():
        frozen = module.frozen_part(model)
    if frozen is None:
        raise ValueError("There is no frozen part.")
    workers = workers_of(model.distribute_strategy)
    return FeatureCache(frozen, data.store, compute, workers, between_calls)


def train_on_features(
    module: Module, model: keras.Model, data: Any, epochs: int, cache: FeatureCache
) -> Trained:
    """Takes the head off, and puts features in the place of pictures.

    Args:
        module: Knows the parts of the model.
        model: Built.
        data: `ImageData`.
        epochs: For how many the versions of each picture must do.
        cache: Has the features.
    """
    last = data.train.draws(epochs - 1).numbers.max()
    views = range(min(data.train.num_views, int(last) + 1))
    train = data.train.with_features([cache.features(data.train.view(n)) for n in views])
    validation = data.validation and data.validation.with_features(
        [cache.features(data.validation)]
    )
    with model.distribute_strategy.scope():
        head = module.trained_part(model)
        build_compiled(head, batch_spec(train))
    return Trained(head, train, validation)


def check_whole(model: keras.Model, trained: Trained, pictures: Any) -> None:
    """Makes sure that the whole model says what its head said of cached features.

    Args:
        model: The whole one.
        trained: Its head, and features.
        pictures: The split of which `trained.train` or `.validation` has the features.

    Raises:
        KeraunosError: It does not.
    """
    source = trained.validation if trained.validation is not None else trained.train
    draws = type(pictures.draws(0))(*(part[:CHECKED] for part in pictures.draws(0)))
    images, _, _ = pictures.prepare(pictures.arrays(draws))
    features, _, _ = source.prepare(source.arrays(draws))  # type: ignore[attr-defined]
    whole = keras.ops.convert_to_numpy(model(images, training=False))
    head = keras.ops.convert_to_numpy(trained.model(features, training=False))
    difference = float(np.max(np.abs(whole - head)))
    policy = keras.config.dtype_policy().name
    allowed = TOLERANCES.get(policy, TOLERANCE_OF_LOW_PRECISION)
    if not difference <= allowed:
        raise KeraunosError(
            message(
                "The whole model must say what its head says of cached features.",
                "Please report this; feature_cache=off trains without the cache.",
                difference=difference,
                allowed=allowed,
            )
        )
