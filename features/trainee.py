"""Chooses what a fit trains: the whole model, or its head on cached features."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np

from ..core.errors import ConfigError, KeraunosError, message
from ..core.store import Store
from ..data.order import Draws
from ..models import FrozenPart, Module
from ..models.inference import infer, keep_parts
from ..models.keras_graph import head_behind, part_before
from ..strategies import BatchSource
from .cache import FeatureCache
from .cached_inference import open_cache
from .contracts import Cacheable
from .cut import find_cut
from .examples import Predict, PredictedExamples
from .split import FeatureSplit

# Largest difference allowed between the whole model and its head on cached features.
TOLERANCES = {"float32": 1e-4, "float64": 1e-4}
TOLERANCE_OF_LOW_PRECISION = 2e-2
CHECKED_EXAMPLES = 8  # evenly spaced


@dataclass(frozen=True)
class Trainee:
    """The model that the loop trains, with its data: here the whole model.

    Attributes:
        model: A built and compiled model.
        train: Training batches.
        validation: Validation batches, or None.
        store: Store for cached features that runs share, or None.
    """

    model: keras.Model
    train: BatchSource
    validation: BatchSource | None
    store: Store | None = None

    def check(self) -> None:
        """Does nothing, because the whole model is trained."""


@dataclass(frozen=True, kw_only=True)
class Head(Trainee):
    """The layers behind the frozen part; their variables are those of the whole model.

    Attributes:
        whole: The whole model.
        images: Images for `check`.
        features: Features of these images.
    """

    whole: keras.Model
    images: Cacheable
    features: FeatureSplit

    def check(self) -> None:
        """Checks that the whole model returns what its head does on cached features.

        Raises:
            KeraunosError: The outputs differ by more than the tolerance.
        """
        draws = self.images.draws(0)
        places = np.linspace(0, len(draws.rows) - 1, CHECKED_EXAMPLES).astype(int)
        draws = Draws(*(part[np.unique(places)] for part in draws))
        images, _, _ = self.images.prepare(_tensors(self.images.arrays(draws)))
        features, _, _ = self.features.prepare(_tensors(self.features.arrays(draws)))
        difference = _largest_difference(
            infer(self.whole, images), self.model(features, training=False)
        )
        policy = keras.config.dtype_policy().name
        allowed = TOLERANCES.get(policy, TOLERANCE_OF_LOW_PRECISION)
        if not difference <= allowed:
            raise KeraunosError(
                message(
                    "The whole model must return what its head returns on cached features.",
                    "Please report this; feature_cache=off trains without the cache.",
                    difference=difference,
                    allowed=allowed,
                )
            )


class TrainerTools(NamedTuple):
    """Functions of the trainer that cached features need.

    Attributes:
        predict_batches: Runs a model on images from a given batch, and yields its outputs
            batch by batch, one row per image.
        build_compiled: Creates all variables of a compiled model for the given batches.
        weighted: Applies the weights passed to `fit` to the training examples.
    """

    predict_batches: Callable[[keras.Model, Cacheable, int], Iterator[Any]]
    build_compiled: Callable[[keras.Model, BatchSource], None]
    weighted: Callable[[BatchSource], BatchSource]


@dataclass(frozen=True)
class FeaturePlan:
    """Plan whether and how a fit trains on cached features.

    Attributes:
        module: The module to train.
        whole: Its whole model and the data.
        frozen: The part whose outputs are cached, or None.
        reason: Why features are not cached; empty if they are.
    """

    module: Module
    whole: Trainee
    frozen: FrozenPart | None
    reason: str = ""

    def open_cache(
        self, tools: TrainerTools, between_calls: Callable[[], None]
    ) -> FeatureCache | None:
        """Opens the cache of the features of the frozen part; None without a frozen part.

        Args:
            tools: Functions of the trainer.
            between_calls: Called after each batch, and while another process computes.
        """
        train = self.whole.train
        if self.frozen is None or not isinstance(train, Cacheable) or train.store is None:
            return None
        model, compute = self.whole.model, tools.predict_batches
        return open_cache(self.frozen, train.store, model, compute, between_calls)

    def prepare(
        self, cache: FeatureCache | None, predict: Predict, tools: TrainerTools
    ) -> str | None:
        """Prepares the module with the training examples, as cached features if possible.

        Args:
            cache: The feature cache, or None.
            predict: Runs a model on examples.
            tools: Functions of the trainer.

        Returns:
            The message of the module, or None.
        """
        examples = PredictedExamples(self.whole.train, cache, predict, tools.weighted)
        with self.whole.model.distribute_strategy.scope():
            text = self.module.prepare(self.whole.model, examples)
        if cache is not None:
            cache.renew()
        return text

    def trainee(
        self, cache: FeatureCache | None, epochs: int, tools: TrainerTools
    ) -> Trainee:
        """Returns the whole model; or its head, with features in place of images.

        Args:
            cache: The feature cache, or None.
            epochs: Number of epochs whose views are needed.
            tools: Functions of the trainer.
        """
        images, validation = self.whole.train, self.whole.validation
        if cache is None or not isinstance(images, Cacheable):
            return self.whole
        train = _cached_views(images, cache, epochs)
        held_out = None
        if isinstance(validation, Cacheable):
            held_out = FeatureSplit(validation, [cache.features(validation)])
        model = self.whole.model
        with model.distribute_strategy.scope():
            head = self.module.trained_part(model)
            if head is None:
                head = head_behind(cache.frozen.model.output, model)
                keep_parts(model, cache.frozen, head)
            tools.build_compiled(head, train)
        return Head(
            head,
            tools.weighted(train),
            held_out,
            images.store,
            whole=model,
            images=validation if isinstance(validation, Cacheable) else images.view(0),
            features=held_out or train,
        )


def plan_features(module: Module, whole: Trainee, mode: str, obstacle: str) -> FeaturePlan:
    """Decides whether a fit trains on cached features.

    Args:
        module: The module to train.
        whole: Its model, with its final frozen weights, and the data.
        mode: `"auto"`, `"on"` or `"off"`.
        obstacle: Reason against it that is independent of model and data; empty if none.

    Raises:
        ConfigError: `mode` is `"on"`, and features can't be cached.
    """
    if mode == "off":
        return FeaturePlan(module, whole, None, "feature_cache is off")
    obstacle = obstacle or _obstacle_in_data(whole)
    if obstacle:
        plan = FeaturePlan(module, whole, None, obstacle)
    else:
        with whole.model.distribute_strategy.scope():
            plan = FeaturePlan(module, whole, *_find_frozen(module, whole))
    if mode == "on" and plan.reason:
        raise ConfigError(
            message(
                f"`feature_cache=on` is not possible: {plan.reason}.",
                "Change that, or set feature_cache to auto.",
                feature_cache=mode,
            )
        )
    return plan


def _obstacle_in_data(whole: Trainee) -> str:
    """Returns why features of these data can't be cached; empty if they can."""
    sources = [each for each in (whole.train, whole.validation) if each is not None]
    for source in sources:
        if not isinstance(source, Cacheable) or source.store is None:
            return "the data are not ImageData"
        if source.num_views is None:
            return (
                "augmentation.views=fresh draws new augmentations in each epoch; "
                "augmentation.views=4 would cache four of each image"
            )
    return ""


def _find_frozen(module: Module, whole: Trainee) -> tuple[FrozenPart | None, str]:
    """Returns the frozen part of a model, or why it has none that could be cached."""
    model = whole.model
    frozen = module.frozen_part(model)
    if frozen is not None:
        trains = bool(frozen.model.trainable_variables)
        return (None, "the backbone is trained, too") if trains else (frozen, "")
    if type(module).training_step is not Module.training_step:
        return None, "Module.training_step may use the images themselves"
    features, reason = find_cut(model)
    reason = reason or _too_large(features, whole)
    if reason:
        return None, reason
    return FrozenPart(part_before(features, model)), ""


def _too_large(features: keras.KerasTensor, whole: Trainee) -> str:
    """Returns why features would not fit into the cache; empty if they do."""
    sources = [each for each in (whole.train, whole.validation) if each is not None]
    images = [each for each in sources if isinstance(each, Cacheable)]
    dtype = np.dtype(features.dtype)
    row = dtype.itemsize * math.prod(features.shape[1:])
    for each in images:
        size = row * each.num_examples
        if each.store is not None and size > each.store.limit_bytes:
            return (
                f"the features take {size / 1e9:.1f} GB, more than the cache may hold "
                f"({each.store.limit_bytes / 1e9:.1f} GB)"
            )
    return ""


def _cached_views(images: Cacheable, cache: FeatureCache, epochs: int) -> FeatureSplit:
    """Returns the features of all views of each image that `epochs` epochs draw."""
    last = int(images.draws(epochs - 1).numbers.max())
    views = range(min(images.num_views or 1, last + 1))
    return FeatureSplit(images, [cache.features(images.view(n)) for n in views])


def _tensors(arrays: Any) -> Any:
    """Converts arrays to tensors, as models don't take a mix of both, nor text arrays."""
    return keras.tree.map_structure(keras.ops.convert_to_tensor, arrays)


def _largest_difference(one: Any, other: Any) -> float:
    """Returns the largest difference, relative to the largest output if above 1."""
    pairs = zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True)
    to_numpy = keras.ops.convert_to_numpy
    arrays = [(to_numpy(a), to_numpy(b)) for a, b in pairs]
    return max(
        float(np.max(np.abs(a - b)) / max(1.0, float(np.max(np.abs(a))))) for a, b in arrays
    )
