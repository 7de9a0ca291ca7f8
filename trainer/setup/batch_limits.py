"""How many batches an epoch has at most, and data that have no end."""

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
                "A limit of batches must be a whole number where the data do not tell "
                "how many batches they have.",
                limit=limit,
            )
        )
    return max(int(limit * num_batches), 1)


def require_end(
    source: BatchSource, limit: int | float | None = None, setting: str | None = None
) -> None:
    """Refuses data without end, unless there is a limit.

    Args:
        source: The data.
        limit: Of batches, or None.
        setting: What to set a limit with, if anything.

    Raises:
        ConfigError: The data have no end, and there is no limit.
    """
    repeats = source.is_endless or _repeats_forever(source)
    if limit is not None or source.num_batches is not None or not repeats:
        return
    if setting is None:
        remedy = "Leave `.repeat()` out, or call `.take(...)` on the dataset."
        raise ConfigError(message("The data must have an end.", remedy, batches="endless"))
    raise ConfigError(
        message(
            f"`{setting}` must be given for a dataset without end.",
            "Set it to a number of batches, or leave `.repeat()` out.",
            **{setting: None},
        )
    )


def _repeats_forever(source: BatchSource) -> bool:
    return isinstance(source, FunctionSource) and source.repeats_forever
