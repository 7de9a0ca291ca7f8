"""The interface to the workers of a run, implemented for a single process."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Value = Any


class WorkerHeartbeat(NamedTuple):
    """The last heartbeat of another worker.

    Attributes:
        rank: Rank of the other worker.
        name: Its name in messages.
        silent_seconds: Seconds since its last message or heartbeat.
        status: The status that it sent with its last heartbeat, or None.
        own_status: The status of this worker at that time.
    """

    rank: int
    name: str
    silent_seconds: float
    status: Any
    own_status: Any


class Workers:
    """The workers of a run in a single process.

    Attributes:
        rank: Rank of this worker.
        count: Number of workers.
    """

    rank = 0
    count = 1

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes files and prints progress."""
        return self.rank == 0

    def gather(self, value: Value) -> list[Value]:
        """Collects a value from each worker. All must call this, in the same order.

        Args:
            value: JSON-serializable values and arrays, nested in lists and dicts.

        Returns:
            The values of all workers, by rank.
        """
        return [value]

    def share(self, value: Value) -> Value:
        """Returns the value of the chief. All must call this, in the same order."""
        return value

    def ahead(self, read: Callable[[], Value]) -> Callable[[], Value]:
        """Returns a function for a value that a single worker may read later.

        Several workers read it together now; a single process reads it on demand.
        """
        return read

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Notifies the other workers if the block raises, with the reason."""
        yield

    @contextlib.contextmanager
    def reporting(self, status: Callable[[], Value]) -> Iterator[None]:
        """Sends `status()` with heartbeats within the context, from another thread."""
        yield

    @property
    def lost(self) -> str | None:
        """Which worker is lost and how this was noticed, or None."""
        return None

    def heartbeats(self) -> list[WorkerHeartbeat]:
        """Returns the last heartbeats of connected workers."""
        return []


ALONE = Workers()
