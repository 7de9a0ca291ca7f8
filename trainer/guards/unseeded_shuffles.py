"""Answers datasets whose order can't be repeated: on several workers, and on resuming."""

from typing import Any

from ...callbacks import RunState
from ...core.errors import ConfigError, message
from ...strategies import Workers
from ..contracts import BatchSource, KnowsItsOrder

_REMEDY = (
    "Write shuffle(..., seed=0), or call keras.utils.set_random_seed before the dataset is "
    "created."
)


def require_shared_order(workers: Workers, **sources: BatchSource | None) -> None:
    """Rejects datasets that each of several workers would shuffle differently.

    Args:
        workers: Each trains on its part of every batch.
        **sources: By the name of the argument that they were passed as.

    Raises:
        ConfigError: There are some: examples would be seen by several workers, or by none.
    """
    unseeded = [name for name, source in sources.items() if _is_unseeded(source)]
    if unseeded and workers.count > 1:
        raise ConfigError(
            message(
                "Several workers must go through a dataset in the same order, but it has a "
                "shuffle without a seed, or options.deterministic is False.",
                _REMEDY,
                **dict.fromkeys(unseeded, "in random order"),
            )
        )


def describe_order(source: BatchSource, run: RunState) -> list[str]:
    """Describes training data in random order, if a run can be or was resumed."""
    if not _is_unseeded(source) or run.run_dir is None:
        return []
    if run.resumed_from is None:
        return [
            "data: in random order, so that an epoch in which the run is resumed repeats "
            f"some examples and misses others. {_REMEDY}"
        ]
    lost = lost_order(source, run)
    return [f"data: {lost}"] if lost else []


def lost_order(source: BatchSource, run: RunState) -> str:
    """Describes data in random order, for a run that was resumed within an epoch."""
    if not _is_unseeded(source) or not run.is_within_epoch:
        return ""
    return (
        f"the rest of epoch {run.epoch + 1} repeats some examples and misses others: the "
        "dataset is shuffled without a seed, and comes in another order than before"
    )


def _is_unseeded(source: Any) -> bool:
    return isinstance(source, KnowsItsOrder) and source.is_unseeded
