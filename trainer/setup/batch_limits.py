"""How many batches an epoch has at most, and data that has no end."""

from ...core.errors import ConfigError, message
from ..contracts import BatchSource
from .datasets import FunctionSource


def batch_limit(limit: int | float | None, num_batches: int | None) -> int | None:
    """Turns a limit that may be a part of an epoch into a number of batches.

    Raises:
        ConfigError: It is a part, but of how many batches is not known.

    Example:
        >>> batch_limit(0.25, num_batches=70)
        17
    """
    if not isinstance(limit, float):
        return limit
    if num_batches is None:
        raise ConfigError(
            message(
                "A limit of batches must be a whole number if the number of batches of the "
                "data is unknown.",
                limit=limit,
            )
        )
    return max(int(limit * num_batches), 1)


def require_end(
    source: BatchSource, limit: int | float | None = None, setting: str | None = None
) -> None:
    """Rejects data without end, unless there is a limit.

    Args:
        source: The data.
        limit: Of batches, or None.
        setting: What to set a limit with, if anything.

    Raises:
        ConfigError: The data has no end, and there is no limit.
    """
    repeats = source.is_endless or _repeats_forever(source)
    if limit is not None or source.num_batches is not None or not repeats:
        return
    if setting is None:
        remedy = "Leave out `.repeat()`, or call `.take(...)` on the dataset."
        raise ConfigError(message("The data must be finite.", remedy, batches="endless"))
    raise ConfigError(
        message(
            f"`{setting}` must be set for an infinite dataset.",
            "Set it to a number of batches, or leave out `.repeat()`.",
            **{setting: None},
        )
    )


def _repeats_forever(source: BatchSource) -> bool:
    return isinstance(source, FunctionSource) and source.repeats_forever
