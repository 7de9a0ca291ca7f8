"""Transfer learning: a frozen network with a new head."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Unpack

import keras
import numpy as np

from ..configs import ModelConfig, validated
from ..configs.arguments import MODEL, takes_settings
from ..configs.choices import Task
from ..configs.model import OF_BUILDERS, OF_LOSSES
from ..configs.options import ModelOptions
from .backbones import build_backbone, features_of, pooling_of
from .class_counts import counts_for_loss
from .heads import Head, TrainingFeatures, build_head
from .losses import classification_loss
from .metric_names import create_metrics
from .module import Floats, FrozenPart, Module, TrainingExamples, count_parameters
from .optimizer import Optimizer
from .shared import SharedNetworks
from .standardization import assign_measured, standardization, standardized
from .weights import version_of_weights


class _Network(NamedTuple):
    """A backbone between pictures and features, and what else decides its outputs."""

    model: keras.Model
    settings: Mapping[str, Any] | None


class TransferClassifier(Module):
    """Classifies pictures with a frozen backbone and a new head: softmax by default.

    The model takes raw RGB pictures `(rows, size, size, 3)` in [0, 255] and gives
    probabilities `(rows, classes)`. Preprocessing is inside, made of stock Keras
    operations; the backbone runs in inference mode, BatchNorm included.

    Args:
        num_classes: How many classes there are.
        image_size: Height and width of the images in pixels.
        optimizer: `Optimizer()` by default.
        class_names: What the recalls of single classes are called; numbers by default.
        class_counts: How many training images each class has, such as
            `data.train.class_counts`: for losses that make up for rare classes.
        num_examples: How many training images there are, such as
            `data.train.num_examples`, times `augmentation.views` if that is a number: for
            `head="knn"`, which stores them.
        shared: Where the network is looked for before it is made.
        **options: The settings of the section `model` of a configuration: see
            `docs/settings.md`, or `help(TransferClassifier)`.

    Raises:
        ConfigError: An argument is out of its range, or there is none of that name.

    Example:
        >>> module = TransferClassifier(num_classes=9, image_size=64, weights=None)
        >>> module.build().output_shape
        (None, 9)
    """

    task: Task = "classification"

    @takes_settings(MODEL)
    def __init__(
        self,
        num_classes: int,
        *,
        image_size: int = 224,
        optimizer: Optimizer | None = None,
        class_names: Sequence[str] | None = None,
        class_counts: Sequence[int] | None = None,
        num_examples: int | None = None,
        shared: SharedNetworks | None = None,
        **options: Unpack[ModelOptions],
    ) -> None:
        self.config = validated(ModelConfig, "model", **options)
        self.class_names = class_names
        self.class_counts = counts_for_loss(self.config, num_classes, class_counts)
        self.num_classes = num_classes
        self.image_size = image_size
        self.optimizer = optimizer or Optimizer()
        self.head = self._make_head(num_examples)
        self.is_fitted = self.head.is_fitted
        self._shared = shared
        self._built: _Network | None = None  # what was built on last

    def build(self) -> keras.Model:
        """Makes and compiles the model."""
        config = self.config
        network, _ = self._built = self._make_network()
        features = network.output
        if config.standardize_features:
            features = standardization()(features)
        name = re.sub(r"\W+", "_", config.backbone.lower())
        model = keras.Model(network.input, self.head.attach(features), name=name)
        model.compile(
            self.optimizer.build(),
            loss=self._loss(),
            metrics=self._metrics(),
        )
        return model

    def _make_head(self, num_examples: int | None) -> Head:
        return build_head(self.config, self.num_classes, num_examples)

    def _loss(self) -> keras.losses.Loss | str:
        return classification_loss(self.config, self.num_classes, self.class_counts)

    def _metrics(self) -> list[Any]:
        return create_metrics(self.config.metrics, self.num_classes, self.class_names)

    def _make_network(self) -> "_Network":
        """The backbone between pictures and features."""
        name, weights = self.config.backbone, self.config.weights
        size = self.image_size

        def make() -> _Network:
            backbone = build_backbone(name, weights, size)
            pictures = keras.Input((size, size, 3), name="pictures")
            outputs = backbone.network(backbone.preprocess(pictures), training=False)
            network = keras.Model(pictures, features_of(backbone, outputs))
            return _Network(network, backbone.settings)

        if self._shared is None:
            return make()
        key = name, version_of_weights(name, weights), size
        made: _Network = self._shared.get(key, make)
        return made

    def frozen_part(self, model: keras.Model) -> FrozenPart | None:
        """The backbone, up to the features.

        What standardises these is frozen as well, but differs from run to run. None of a
        network of a user, whose code may change: the Trainer looks at its graph.
        """
        settings = {} if self._built is None else self._built.settings
        return None if settings is None else FrozenPart(self.feature_model(model), settings)

    def feature_model(self, model: keras.Model) -> keras.Model:
        """The part of a model that `build` returned from images to features."""
        features = model.get_layer("features").output
        if self._built is not None and self._built.model.output is features:
            return self._built.model
        return keras.Model(model.input, features)

    def prepare(self, model: keras.Model, examples: TrainingExamples) -> str | None:
        """Standardises the features, and fits the head, if that is asked for."""
        network = self.feature_model(model)
        if self.config.standardize_features:
            assign_measured(model.get_layer("standardize"), examples(network))
        if not self.head.is_fitted:
            return None
        views = range(examples.num_views)
        features = np.concatenate([examples(network, view) for view in views])
        if self.config.standardize_features:
            features = standardized(model.get_layer("standardize"), features)
        return self.head.fit(model, self._training_features(features, examples))

    def _training_features(
        self, features: Floats, examples: TrainingExamples
    ) -> TrainingFeatures:
        """All versions of all images; those of an image are in one group."""

        def of_all_versions(values: Any) -> Any:
            return None if values is None else np.tile(values, examples.num_views)

        return TrainingFeatures.of(
            features,
            of_all_versions(examples.labels),
            self.num_classes,
            of_all_versions(examples.weights),
            of_all_versions(examples.groups),
        )

    def settings(self) -> dict[str, Any]:
        """What it was made with."""
        own: dict[str, Any] = {
            "num_classes": self.num_classes,
            "image_size": self.image_size,
        }
        if self.class_counts is not None:
            own |= {"class_counts": self.class_counts}
        # Checkpoints of versions without these options do not mention them.
        unused = OF_LOSSES - self.config.changed_loss_options()
        unused |= self.config.other_head_options()
        if self.config.head == "linear":
            unused |= {"head"}
        return self.config.model_dump(exclude={*OF_BUILDERS, *unused}) | own

    @property
    def corrects_imbalance(self) -> bool:
        """Whether its loss makes up for classes of unequal size."""
        return self.config.counts_classes

    def describe(self, model: keras.Model) -> str:
        """Says in a line what is trained."""
        config = self.config
        parts = [config.backbone, *pooling_of(model)]
        parts += ["Standardize"] * config.standardize_features
        parts += self.head.parts()
        return f"{' + '.join(parts)}: {count_parameters(model)}"
