"""Limits the number of batches per epoch, and rejects infinite data."""

from ...core.errors import ConfigError, message
from ..contracts import BatchSource
from .datasets import FunctionSource


def batch_limit(limit: int | float | None, num_batches: int | None) -> int | None:
    """Converts a limit, which may be a fraction of an epoch, to a number of batches.

    Args:
        limit: A number of batches, a fraction of an epoch as a float, or None.
        num_batches: Number of batches per epoch, or None if unknown.

    Raises:
        ConfigError: `limit` is a fraction, but `num_batches` is unknown.

    Example:
        >>> batch_limit(0.25, num_batches=70)
        17
    """
    if not isinstance(limit, float):
        return limit
    if num_batches is None:
        raise ConfigError(
            message(
                "A limit must be a number of batches if the length of the data is unknown.",
                limit=limit,
            )
        )
    return max(int(limit * num_batches), 1)


def require_end(
    source: BatchSource, limit: int | float | None = None, setting: str | None = None
) -> None:
    """Rejects infinite data, unless there is a limit.

    Args:
        source: The data.
        limit: Maximum number of batches, or None.
        setting: Name of the setting for the limit, or None.

    Raises:
        ConfigError: The data is infinite, and there is no limit.
    """
    repeats = source.is_endless or _repeats_forever(source)
    if limit is not None or source.num_batches is not None or not repeats:
        return
    if setting is None:
        remedy = "Leave out `.repeat()`, or call `.take(...)` on the dataset."
        raise ConfigError(message("The data must be finite.", remedy, batches="infinite"))
    raise ConfigError(
        message(
            f"`{setting}` must be set for an infinite dataset.",
            "Set it to a number of batches, or leave out `.repeat()`.",
            **{setting: None},
        )
    )


def _repeats_forever(source: BatchSource) -> bool:
    return isinstance(source, FunctionSource) and source.repeats_forever
