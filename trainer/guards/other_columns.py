"""Rejects data whose table columns differ from those of the model."""

from typing import Any

from ...core.errors import ConfigError, message
from ...models import Module, TransferModel
from ..contracts import HasTableFeatures


def refuse_other_columns(module: Module, data: Any) -> None:
    """Checks that a module and its data have the same table columns.

    Their statistics must be equal too: the model normalizes with those of its training set.

    Args:
        module: The module to train.
        data: `ImageData` or one of its splits; other data is not checked.

    Raises:
        ConfigError: Columns or statistics differ.
    """
    if not isinstance(module, TransferModel) or not isinstance(data, HasTableFeatures):
        return
    if module.table_features == data.table_features:
        return
    raise ConfigError(
        message(
            f"The table columns of {type(module).__name__} must be those of its training "
            "data, with the same statistics.",
            "Create it with table_features=data.train.table_features.",
            of_module=_names(module.table_features),
            of_data=_names(data.table_features),
        )
    )


def _names(features: Any) -> list[str]:
    return [] if features is None else list(features.names)
