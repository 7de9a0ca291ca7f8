"""Computes the features of backbones for `keraunos probe`, with the shared cache."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..configs import RunConfig
from ..core.progress import track
from ..features import Cacheable, FeatureCache
from ..models import TransferClassifier
from ..strategies import create_strategy
from ..trainer.loop.evaluation import predict_batches
from ..trainer.setup.global_settings import global_settings
from .probed_images import ProbedImages

Floats = npt.NDArray[np.floating[Any]]


class ProbedBackbone(NamedTuple):
    """The features of a backbone for all images.

    Attributes:
        features: Features of shape `(images, features)`.
        parameters: Number of parameters of the backbone.
        seconds: Time to build and run it; short if the features were cached.
        computed: Number of images whose features were not cached.
    """

    features: Floats
    parameters: int
    seconds: float
    computed: int


def strategy_of(config: RunConfig) -> tf.distribute.Strategy:
    """Creates the distribution strategy of a configuration."""
    trainer = config.trainer
    return create_strategy(trainer.strategy, trainer.accelerator, trainer.devices)


def probe_backbone(
    config: RunConfig, images: ProbedImages, strategy: tf.distribute.Strategy
) -> ProbedBackbone:
    """Computes the features of all images, training images first.

    Args:
        config: The configuration that names the backbone.
        images: The images.
        strategy: The strategy to run the backbone with.

    Raises:
        ConfigError: The weights are unavailable, or images of this size are unsupported.
    """
    started = time.perf_counter()
    trainer, data = config.trainer, images.data
    with global_settings(config.seed, trainer.precision, trainer.deterministic):
        with strategy.scope():
            module = TransferClassifier(
                data.num_classes,
                image_size=data.image_size,
                backbone=config.model.backbone,
                weights=config.model.weights,
            )
            model = module.build()
        features, computed = _features(module, model, images)
    seconds = time.perf_counter() - started
    parameters = module.feature_model(model).count_params()
    return ProbedBackbone(features, parameters, seconds, computed)


def _features(
    module: TransferClassifier, model: keras.Model, images: ProbedImages
) -> tuple[Floats, int]:
    """Returns the features of all images, and how many of them had to be computed."""
    frozen = module.frozen_part(model)
    if frozen is None:  # user code, which may change and is not cached
        part = module.feature_model(model)
        batches = [each for split in images.parts for each in _compute(part, split, 0)]
        return np.concatenate(batches), len(images.labels)
    cache = FeatureCache(frozen, images.data.store, _compute)
    features = np.concatenate([cache.features(split) for split in images.parts])
    return features, cache.computed


def _compute(part: keras.Model, images: Cacheable, start: int) -> Iterator[Any]:
    outputs = predict_batches(part, images, start)
    return track(outputs, "Computing features", images.num_batches - start)
