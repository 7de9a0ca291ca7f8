"""Transfer learning for one class per image."""

from collections.abc import Sequence
from typing import Any, ClassVar, Unpack

import keras
import numpy as np

from ..configs.arguments import MODEL, takes_settings
from ..configs.choices import Task
from ..configs.options import ModelOptions
from ..core.table_features import TableFeatures
from .class_counts import counts_for_loss
from .heads import TrainingFeatures, build_head
from .losses import classification_loss
from .metric_names import create_metrics
from .module import Floats, TrainingExamples
from .optimizer import Optimizer
from .shared import SharedNetworks
from .standardization import standardized
from .transfer_model import TransferModel


class TransferClassifier(TransferModel):
    """Classifies images with a frozen backbone and a new head: softmax by default.

    The model takes raw RGB images `(rows, size, size, 3)` in [0, 255] and returns
    probabilities `(rows, classes)`. It includes preprocessing, made of stock Keras
    operations; the backbone runs in inference mode, including BatchNorm.

    Args:
        num_classes: Number of classes.
        image_size: Height and width of the images in pixels.
        optimizer: `Optimizer()` by default.
        class_names: Names for the recalls of single classes; numbers by default.
        class_counts: Number of training images of each class, such as
            `data.train.class_counts`: for losses that compensate for class imbalance.
        num_examples: Number of training images, such as `data.train.num_examples`, times
            `augmentation.views` if that is a number: for `head="knn"`, which stores their
            features.
        shared: Cache in which the network is looked up before it is built.
        table_features: Table columns that the model takes, such as
            `data.train.table_features`; see docs/table-features.md.
        **options: The settings of the section `model` of a configuration: see
            `docs/settings.md`, or `help(TransferClassifier)`.

    Raises:
        ConfigError: An argument is out of range or unknown.

    Example:
        >>> module = TransferClassifier(num_classes=9, image_size=64, weights=None)
        >>> module.build().output_shape
        (None, 9)
    """

    task: ClassVar[Task] = "classification"

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
        table_features: TableFeatures | None = None,
        **options: Unpack[ModelOptions],
    ) -> None:
        super().__init__(
            num_classes,
            image_size=image_size,
            optimizer=optimizer,
            shared=shared,
            table_features=table_features,
            **options,
        )
        self.num_classes = num_classes
        self.class_names = class_names
        self.class_counts = counts_for_loss(self.config, num_classes, class_counts)
        self.head = build_head(self.config, num_classes, num_examples)
        self.is_fitted = self.head.is_fitted

    def _loss(self) -> keras.losses.Loss | str:
        return classification_loss(self.config, self.num_classes, self.class_counts)

    def _metrics(self) -> list[Any]:
        return create_metrics(self.config.metrics, self.num_classes, self.class_names)

    def prepare(self, model: keras.Model, examples: TrainingExamples) -> str | None:
        """Standardizes the features and fits the head, if configured."""
        super().prepare(model, examples)
        if not self.head.is_fitted:
            return None
        network = self.feature_model(model)
        views = range(examples.num_views)
        features = np.concatenate([examples(network, view) for view in views])
        if self.config.standardize_features:
            features = standardized(model.get_layer("standardize"), features)
        return self.head.fit(model, self._training_features(features, examples))

    def _training_features(
        self, features: Floats, examples: TrainingExamples
    ) -> TrainingFeatures:
        """Returns the features of all versions of all images, grouped by image."""

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
        """Returns the settings of the module."""
        counts = {} if self.class_counts is None else {"class_counts": self.class_counts}
        return super().settings() | counts

    @property
    def corrects_imbalance(self) -> bool:
        """Whether the loss compensates for class imbalance."""
        return self.config.counts_classes
