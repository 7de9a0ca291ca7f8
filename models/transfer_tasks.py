"""Transfer learning for multi-label classification and regression."""

from typing import Any, ClassVar, Unpack

import keras

from ..configs.arguments import MODEL, takes_settings
from ..configs.choices import Task
from ..configs.options import ModelOptions
from ..core.table_features import TableFeatures
from ..core.target_scale import TargetScale
from .heads.linear import LinearHead
from .heads.numbers import NumberHead
from .optimizer import Optimizer
from .shared import SharedNetworks
from .task_losses import (
    multi_label_loss,
    multi_label_metrics,
    regression_loss,
    regression_metrics,
)
from .transfer_model import TransferModel


class MultiLabelTransferClassifier(TransferModel):
    """Predicts any number of labels per image, with a frozen backbone and a new head.

    The model takes raw RGB images `(rows, size, size, 3)` in [0, 255] and returns an
    independent probability for each label, `(rows, labels)`.

    Args:
        num_labels: Number of labels.
        image_size: Height and width of the images in pixels.
        optimizer: `Optimizer()` by default.
        shared: Cache in which the network is looked up before it is built.
        table_features: Table columns that the model takes, such as
            `data.train.table_features`; see docs/table-features.md.
        **options: See `TransferClassifier`; `head` must be `linear`.

    Raises:
        ConfigError: An argument is out of range or unknown.

    Example:
        >>> module = MultiLabelTransferClassifier(3, image_size=64, weights=None)
        >>> module.build().layers[-1].activation.__name__
        'sigmoid'
    """

    task: ClassVar[Task] = "multi_label"

    @takes_settings(MODEL)
    def __init__(
        self,
        num_labels: int,
        *,
        image_size: int = 224,
        optimizer: Optimizer | None = None,
        shared: SharedNetworks | None = None,
        table_features: TableFeatures | None = None,
        **options: Unpack[ModelOptions],
    ) -> None:
        super().__init__(
            num_labels,
            image_size=image_size,
            optimizer=optimizer,
            shared=shared,
            table_features=table_features,
            **options,
        )
        self.head = LinearHead(num_labels, self.config.dropout, "sigmoid")

    def _loss(self) -> keras.losses.Loss | str:
        return multi_label_loss(self.config)

    def _metrics(self) -> list[Any]:
        return multi_label_metrics(self.config.metrics, self.num_outputs)


class TransferRegressor(TransferModel):
    """Predicts numbers, with a frozen backbone and a new head.

    The model takes raw RGB images `(rows, size, size, 3)` in [0, 255] and returns numbers
    `(rows, numbers)` in their original units. Its loss is computed in units of their
    standard deviations.

    Args:
        scale: Means and standard deviations of the numbers, such as
            `data.train.target_scale`.
        image_size: Height and width of the images in pixels.
        optimizer: `Optimizer()` by default.
        shared: Cache in which the network is looked up before it is built.
        table_features: Table columns that the model takes, such as
            `data.train.table_features`; see docs/table-features.md.
        **options: See `TransferClassifier`; `head` must be `linear`.

    Raises:
        ConfigError: An argument is out of range or unknown.

    Example:
        >>> scale = TargetScale(means=(50.0,), deviations=(12.0,))
        >>> module = TransferRegressor(scale, image_size=64, weights=None)
        >>> module.build().output_shape
        (None, 1)
    """

    task: ClassVar[Task] = "regression"

    @takes_settings(MODEL)
    def __init__(
        self,
        scale: TargetScale,
        *,
        image_size: int = 224,
        optimizer: Optimizer | None = None,
        shared: SharedNetworks | None = None,
        table_features: TableFeatures | None = None,
        **options: Unpack[ModelOptions],
    ) -> None:
        super().__init__(
            len(scale.means),
            image_size=image_size,
            optimizer=optimizer,
            shared=shared,
            table_features=table_features,
            **options,
        )
        self.scale = scale
        self.head = NumberHead(scale.means, scale.deviations, self.config.dropout)

    def settings(self) -> dict[str, Any]:
        """Returns the settings of the module."""
        scale = {"means": list(self.scale.means), "deviations": list(self.scale.deviations)}
        return super().settings() | {"scale": scale}

    def _loss(self) -> keras.losses.Loss | str:
        return regression_loss(self.config, self.scale)

    def _metrics(self) -> list[Any]:
        return regression_metrics(self.config.metrics)
