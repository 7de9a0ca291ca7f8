"""What a process asks of the workers of its run: here of one that works alone."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Value = Any


class WorkerNews(NamedTuple):
    """What one worker knows of another.

    Attributes:
        rank: The number of the other one.
        name: What it is called in messages.
        silent_seconds: How long ago its last sign of life came.
        status: What it sent with that, or None.
        own_status: What this one would have sent at that moment.
    """

    rank: int
    name: str
    silent_seconds: float
    status: Any
    own_status: Any


class Workers:
    """A process that works alone.

    Attributes:
        rank: The number of this worker.
        count: How many there are.
    """

    rank = 0
    count = 1

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes files and says what happens."""
        return self.rank == 0

    def gather(self, value: Value) -> list[Value]:
        """What each worker has, by rank. All must call this, in the same order.

        Args:
            value: What JSON can hold, or arrays, nested in lists and dicts.
        """
        return [value]

    def share(self, value: Value) -> Value:
        """What the chief has. All must call this, in the same order."""
        return value

    def ahead(self, read: Callable[[], Value]) -> Callable[[], Value]:
        """Reads now what all must read together, where one may ask for it alone later.

        One process reads when it is asked.
        """
        return read

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Notifies the other workers if the block raises, with the reason."""
        yield

    @contextlib.contextmanager
    def reporting(self, status: Callable[[], Value]) -> Iterator[None]:
        """Within it, signs of life come with what `status` returns, from another thread."""
        yield

    @property
    def lost(self) -> str | None:
        """Which worker is lost, and how that was noticed; None if none is."""
        return None

    def news(self) -> list[WorkerNews]:
        """What is known of the workers with which this one is connected."""
        return []


ALONE = Workers()
