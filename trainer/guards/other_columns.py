"""Rejects data with other columns beside their images than the model takes."""

from typing import Any

from ...core.errors import ConfigError, message
from ...models import Module, TransferModel
from ..contracts import HasTableFeatures


def refuse_other_columns(module: Module, data: Any) -> None:
    """Looks at which columns a module takes, and which the data has.

    Statistics count, too: those of other training images would be in the model.

    Args:
        module: What is to be trained.
        data: `ImageData`, one of its splits, or any others, which say nothing.

    Raises:
        ConfigError: They are different.
    """
    if not isinstance(module, TransferModel) or not isinstance(data, HasTableFeatures):
        return
    if module.table_features == data.table_features:
        return
    raise ConfigError(
        message(
            f"{type(module).__name__} must take the columns that come with its training "
            "images, as measured on these.",
            "Create it with table_features=data.train.table_features.",
            of_module=_names(module.table_features),
            of_data=_names(data.table_features),
        )
    )


def _names(features: Any) -> list[str]:
    return [] if features is None else list(features.names)
