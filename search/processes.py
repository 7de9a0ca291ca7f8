"""Which processes a search has; checked before TensorFlow is loaded."""

import os

from ..configs import TrainerConfig
from ..core.cluster import has_several_workers
from ..core.errors import ConfigError, message
from .cluster.role import ID, Role, find_role
from .parallel import Parallel, ParallelTrials, trials_at_a_time


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


def role_in_search(run_dir: str | os.PathLike[str] | None) -> Role | None:
    """What this process does in a search on several machines; None if it is alone.

    Raises:
        ConfigError: The environment names a cluster, and half of it is missing, or the
            search names no directory.
    """
    role = find_role()
    if role is not None and run_dir is None:
        raise ConfigError(
            message(
                "A search on several machines needs `run_dir`, a folder that all of them "
                "see.",
                f"Name it, or unset {ID}.",
                run_dir=None,
            )
        )
    return role


def parallel_of(
    role: Role | None, wanted: ParallelTrials, trainer: TrainerConfig
) -> Parallel:
    """How many trials run at a time in processes of this one.

    Raises:
        ConfigError: There are not as many GPUs as they need.
    """
    if role is not None and role.is_chief:
        return Parallel(1, "the chief trains nothing")
    return trials_at_a_time(wanted, trainer)
