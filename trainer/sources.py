"""Finds the splits of what a Trainer is given, as sources of batches."""

from typing import Any

from ..core.errors import ConfigError, message
from .batches import BatchSource, as_source, batch_limit
from .overfitting import SameBatches


def sources_of(
    data: Any, validation_data: Any, overfit_batches: int | float | None
) -> tuple[BatchSource, BatchSource | None]:
    """Batches to train on, and to validate on if there are any.

    Args:
        data: As `Trainer.fit` was given it.
        validation_data: Likewise.
        overfit_batches: So many batches of training are to serve for both, or None.

    Raises:
        ConfigError: They are no data, or there are two splits for validation.
    """
    train, validation = _train_and_validation(data, validation_data)
    source = as_source(train, "data")
    count = batch_limit(overfit_batches, source.num_batches)
    if count is not None:
        same = SameBatches(source, count)
        return same, same
    if validation is None:
        return source, None
    return source, as_source(validation, "validation_data")


def _train_and_validation(data: Any, validation_data: Any) -> tuple[Any, Any]:
    if not hasattr(data, "train"):
        return data, validation_data
    if validation_data is not None:
        raise ConfigError(
            message(
                "`validation_data` must be left out where the data has a split of its own.",
                "Give ImageData the folder as `validation`.",
                validation_data=type(validation_data).__name__,
            )
        )
    return data.train, data.validation


def split_of(data: Any, name: str) -> Any:
    """The split of that name, or the data themselves if they are not divided."""
    if not hasattr(data, "train"):
        return data
    split = getattr(data, name)
    if split is None:
        raise ConfigError(
            message(
                f"The data must have a {name} split.",
                f"Give ImageData a folder as `{name}`.",
                **{name: None},
            )
        )
    return split
