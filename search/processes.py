"""The processes of a search, determined before TensorFlow is loaded."""

import os

from ..configs import TrainerConfig
from ..core.cluster import has_several_workers
from ..core.errors import ConfigError, message
from .cluster.role import ID, Role, find_role
from .parallel import Parallel, ParallelTrials, trials_at_a_time


def require_one_process(strategy: str) -> None:
    """Rejects trials that would span several workers.

    Raises:
        ConfigError: The strategy or the environment requests several workers.
    """
    if strategy == "multi_worker" or has_several_workers():
        raise ConfigError(
            message(
                "A trial must run in one process, on one or several of its devices.",
                "Leave out trainer.strategy=multi_worker and `keraunos launch`; to use "
                "several processes, try --parallel-trials.",
                strategy=strategy,
            )
        )


def role_in_search(run_dir: str | os.PathLike[str] | None) -> Role | None:
    """Returns the role of this process in a distributed search; None on one machine.

    Raises:
        ConfigError: The environment describes a cluster only partly, or `run_dir` is
            missing.
    """
    role = find_role()
    if role is not None and run_dir is None:
        raise ConfigError(
            message(
                "A distributed search needs `run_dir`, a folder shared by all machines.",
                f"Set it, or unset {ID}.",
                run_dir=None,
            )
        )
    return role


def parallel_of(
    role: Role | None, wanted: ParallelTrials, trainer: TrainerConfig
) -> Parallel:
    """Returns the number of trials that run at a time on this machine.

    Raises:
        ConfigError: There are too few GPUs for them.
    """
    if role is not None and role.is_chief:
        return Parallel(1, "the chief does not train")
    return trials_at_a_time(wanted, trainer)
