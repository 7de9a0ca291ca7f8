"""Transfer learning: a frozen network from keras.applications with a new head."""

from collections.abc import Sequence
from typing import Any, Unpack

import keras
import numpy as np

from ..configs import ModelConfig, validated
from ..configs.arguments import MODEL, takes_settings
from ..configs.model import OF_BUILDERS, OF_LOSSES
from ..configs.options import ModelOptions
from .backbones import build_backbone
from .class_counts import counts_for_loss
from .losses import classification_loss
from .metric_names import create_metrics
from .module import FrozenPart, Module, Predict, count_parameters
from .optimizer import Optimizer
from .shared import SharedNetworks

# Features that hardly vary on the training pictures must not blow up on others: none is
# divided by less than the root of this part of the mean variance.
VARIANCE_FLOOR = 0.1


class TransferClassifier(Module):
    """Classifies pictures with a frozen backbone and a new softmax head.

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

    @takes_settings(MODEL)
    def __init__(
        self,
        num_classes: int,
        *,
        image_size: int = 224,
        optimizer: Optimizer | None = None,
        class_names: Sequence[str] | None = None,
        class_counts: Sequence[int] | None = None,
        shared: SharedNetworks | None = None,
        **options: Unpack[ModelOptions],
    ) -> None:
        self.config = validated(ModelConfig, "model", **options)
        self.class_names = class_names
        self.class_counts = counts_for_loss(self.config, num_classes, class_counts)
        self.num_classes = num_classes
        self.image_size = image_size
        self.optimizer = optimizer or Optimizer()
        self._shared = shared
        self._network: keras.Model | None = None  # the shared one that was built on

    def build(self) -> keras.Model:
        """Makes and compiles the model."""
        config = self.config
        network = self._make_network()
        features = network.output
        if config.standardize_features:
            features = _standardization()(features)
        features = keras.layers.Dropout(config.dropout, name="dropout")(features)
        head = keras.layers.Dense(
            self.num_classes, "softmax", name="probabilities", dtype="float32"
        )
        name = config.backbone.lower()
        model = keras.Model(network.input, head(features), name=name)
        model.compile(
            self.optimizer.build(),
            loss=classification_loss(config, self.num_classes, self.class_counts),
            metrics=create_metrics(config.metrics, self.num_classes, self.class_names),
        )
        return model

    def _make_network(self) -> keras.Model:
        """The backbone between pictures and pooled features."""
        name, weights = self.config.backbone, self.config.weights
        size = self.image_size

        def make() -> keras.Model:
            backbone = build_backbone(name, weights, size)
            pictures = keras.Input((size, size, 3), name="pictures")
            maps = backbone.network(backbone.preprocess(pictures), training=False)
            pooling = keras.layers.GlobalAveragePooling2D(name="features")
            return keras.Model(pictures, pooling(maps))

        if self._shared is None:
            return make()
        self._network = self._shared.get((name, weights, size), make)
        return self._network

    def frozen_part(self, model: keras.Model) -> FrozenPart:
        """The backbone, up to the pooled features.

        What standardises these is frozen as well, but differs from run to run.
        """
        features = model.get_layer("features").output
        if self._network is not None and self._network.output is features:
            return FrozenPart(self._network)
        return FrozenPart(keras.Model(model.input, features))

    def prepare(self, model: keras.Model, predict: Predict) -> None:
        """Measures the features on the training pictures, if they are standardised."""
        if self.config.standardize_features:
            features = predict(self.frozen_part(model).model)
            variance = features.var(axis=0)
            floor = VARIANCE_FLOOR * variance.mean()
            layer = model.get_layer("standardize")
            layer.moving_mean.assign(features.mean(axis=0))
            layer.moving_variance.assign(np.maximum(variance, floor))

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
        return self.config.model_dump(exclude={*OF_BUILDERS, *unused}) | own

    @property
    def corrects_imbalance(self) -> bool:
        """Whether its loss makes up for classes of unequal size."""
        return self.config.counts_classes

    def describe(self, model: keras.Model) -> str:
        """Says in a line what is trained."""
        config = self.config
        parts = [config.backbone, "GlobalAveragePooling"]
        parts += ["Standardize"] * config.standardize_features
        parts += [f"Dropout {config.dropout}", f"Dense {self.num_classes}"]
        return f"{' + '.join(parts)}: {count_parameters(model)}"


def _standardization() -> keras.Layer:
    """Subtracts a mean and divides by a deviation, both measured in `prepare`.

    A frozen BatchNormalization rather than Keras's Normalization, which keeps copies of
    its variables that restoring a checkpoint would not renew. Its epsilon only keeps
    from dividing by zero: networks that were not trained give very small features.
    """
    return keras.layers.BatchNormalization(
        epsilon=1e-30, center=False, scale=False, trainable=False, name="standardize"
    )
