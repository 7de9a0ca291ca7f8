"""Which processes a search has; checked before TensorFlow is loaded."""

import os

from ..core.cluster import has_several_workers
from ..core.errors import ConfigError, message
from .cluster.role import ID, Role, find_role


def require_one_process(strategy: str) -> None:
    """Refuses a search whose trials would be shared by several workers.

    Raises:
        ConfigError: The strategy or the environment asks for them.
    """
    if strategy == "multi_worker" or has_several_workers():
        raise ConfigError(
            message(
                "A trial of a search runs in one process, on one or several of its "
                "devices.",
                "Leave out trainer.strategy=multi_worker and `keraunos launch`; to use "
                "several processes, try --parallel-trials.",
                strategy=strategy,
            )
        )


def role_in_search(
    run_dir: str | os.PathLike[str] | None, parallel_trials: int
) -> Role | None:
    """What this process does in a search on several machines; None if it is alone.

    Raises:
        ConfigError: The environment names a cluster, and half of it is missing, or the
            search names no directory or wants several trials at a time in a process.
    """
    role = find_role()
    if role is not None and (run_dir is None or parallel_trials > 1):
        raise ConfigError(
            message(
                "A search on several machines needs `run_dir`, a folder that all of them "
                "see, and starts one trial at a time in each worker.",
                f"Start more workers in place of --parallel-trials, or unset {ID}.",
                run_dir=None if run_dir is None else str(run_dir),
                parallel_trials=parallel_trials,
            )
        )
    return role
