"""Each trial of a search runs in one process."""

from ..core.cluster import has_several_workers
from ..core.errors import ConfigError, message


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
