"""Errors for data that can't be used for training."""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from ...core.array_bytes import SupportsArray
from ...core.errors import ConfigError, DataError, message
from ..contracts import HasShape

_OF_GENERATORS = (
    "Make it a dataset: tf.data.Dataset.from_generator(function, output_signature=...), "
    "where each call of the function starts over."
)


def not_a_dataset(value: Any, name: str) -> ConfigError:
    """Returns the error for data of an unsupported type.

    Args:
        value: The data.
        name: Name of the argument.
    """
    return ConfigError(
        message(
            f"`{name}` must be a tf.data.Dataset, a function dataset(epoch, start_batch) "
            "that returns one, or a split of keraunos.ImageData.",
            _remedy(value),
            **{name: type(value).__name__},
        )
    )


def refuse_sparse(element_spec: Any) -> None:
    """Rejects datasets that can't be split between replicas.

    Raises:
        ConfigError: The dataset contains sparse tensors.
    """
    if any(isinstance(s, tf.SparseTensorSpec) for s in tf.nest.flatten(element_spec)):
        raise ConfigError(
            message(
                "A dataset must not contain sparse tensors, which can't be split by rows.",
                "Map them with tf.sparse.to_dense.",
                element_spec=str(element_spec),
            )
        )


def refuse_unbatched(element_spec: Any) -> None:
    """Rejects datasets that are not batched, as far as their shapes are known.

    Raises:
        ConfigError: The items of an element are scalars, or differ in their number of rows.
    """
    specs = [spec for spec in tf.nest.flatten(element_spec) if isinstance(spec, HasShape)]
    shapes = [spec.shape for spec in specs if spec.shape.rank is not None]
    rows = {shape[0] if shape.rank else "none" for shape in shapes} - {None}
    if "none" in rows or len(rows) > 1:
        raise ConfigError(
            message(
                "A dataset must be batched: all items of an element need the same number "
                "of rows.",
                "Call .batch(32) on the dataset.",
                element_spec=str(element_spec),
            )
        )


def no_batches(kind: str, **received: object) -> DataError:
    """Returns the error for data without a single batch.

    Args:
        kind: What the data is used for, such as `training`.
        **received: Values to show in the message, such as the epoch.
    """
    return DataError(
        message(
            f"The data for {kind} must have at least one batch.",
            "Does a filter drop everything, or can the underlying generator be read only "
            "once? Create the dataset from a function that starts over for each epoch.",
            **received,
            batches=0,
        )
    )


def _remedy(value: Any) -> str:
    if isinstance(value, keras.utils.PyDataset):
        return (
            "Make it a dataset: tf.data.Dataset.from_generator(lambda: (pydataset[n] for n "
            "in range(len(pydataset))), output_signature=...)."
        )
    is_array = isinstance(value, SupportsArray | list | tuple | dict)
    if isinstance(value, Iterable) and not is_array:
        return _OF_GENERATORS
    return "Wrap arrays as tf.data.Dataset.from_tensor_slices((x, y)).batch(32)."
