"""Finds the splits of data as sources of batches."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from ...configs import TrainerConfig
from ...core.errors import ConfigError, message
from ...models import Module
from ..contracts import BatchSource, HasSplits
from .batch_limits import batch_limit, require_end
from .class_weight import ClassWeight
from .datasets import as_source
from .initial_weights import PathOfWeights
from .overfitting import SameBatches

Buildable = Module | Callable[[], keras.Model]


class FitArguments(NamedTuple):
    """The arguments of `Trainer.fit`."""

    module: Buildable
    data: Any
    validation_data: Any
    class_weight: ClassWeight | None
    initial_weights: PathOfWeights | None


def sources_of(
    data: Any, validation_data: Any, settings: TrainerConfig
) -> tuple[BatchSource, BatchSource | None]:
    """Returns the sources of training and validation batches; the latter may be None.

    Args:
        data: The argument of `Trainer.fit`.
        validation_data: The argument of `Trainer.fit`.
        settings: Settings of the Trainer, for limits of batches and `overfit_batches`.

    Raises:
        ConfigError: An argument is not data, or infinite without a limit, or there are two
            validation splits.
    """
    train, validation = _train_and_validation(data, validation_data)
    source = as_source(train, "data")
    count = batch_limit(settings.overfit_batches, source.num_batches)
    if count is not None:
        same = SameBatches(source, count)
        return same, same
    require_end(source, settings.limit_train_batches, "limit_train_batches")
    if validation is None:
        return source, None
    validation_source = as_source(validation, "validation_data")
    require_end(validation_source, settings.limit_val_batches, "limit_val_batches")
    return source, validation_source


def _train_and_validation(data: Any, validation_data: Any) -> tuple[Any, Any]:
    if not isinstance(data, HasSplits):
        return data, validation_data
    if validation_data is not None:
        raise ConfigError(
            message(
                "`validation_data` must be left out if the data has its own validation "
                "split.",
                "Pass the folder to ImageData as `validation`.",
                validation_data=type(validation_data).__name__,
            )
        )
    return data.train, data.validation


def split_of(data: Any, name: str) -> Any:
    """Returns the split of that name, or the data itself if it has no splits.

    Raises:
        ConfigError: There is no such split.
    """
    if not isinstance(data, HasSplits):
        return data
    split = getattr(data, name)
    if split is None:
        raise ConfigError(
            message(
                f"The data must have a {name} split.",
                f"Set data.{name} or data.{name}_split, which are also arguments of "
                "ImageData.",
                **{name: None},
            )
        )
    return split
