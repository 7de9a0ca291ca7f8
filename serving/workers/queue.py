"""Queues jobs for the workers, and combines them to batches."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import RequestError
from .jobs import Job, Outcome, TaskCall


@dataclass
class Item:
    """A waiting job.

    Attributes:
        job: The job.
        entered: When it was queued, by the clock of the event loop, in seconds.
        outcome: The outcome; cancelled when it is no longer awaited.
        attempts: Number of workers lost during this job.
    """

    job: Job
    entered: float
    outcome: "asyncio.Future[Outcome]" = field(compare=False)
    attempts: int = 0

    @property
    def is_alone(self) -> bool:
        """Whether the job gets its own batch, so that a crash affects no others."""
        return self.attempts > 0 or isinstance(self.job, TaskCall)


class BatchQueue:
    """A bounded queue whose jobs leave in batches, first in, first out.

    Args:
        max_images: Maximum number of waiting images.
        max_batch_images: Maximum number of images in a batch.
        max_wait_seconds: How long the first job of a batch waits for others, from when it
            was queued.

    Attributes:
        images: Number of waiting images.
    """

    def __init__(
        self, max_images: int, max_batch_images: int, max_wait_seconds: float
    ) -> None:
        self._max_images = max_images
        self._max_batch_images = max_batch_images
        self._max_wait_seconds = max_wait_seconds
        self._items: deque[Item] = deque()
        self._changed = asyncio.Event()
        self._gathering = asyncio.Lock()
        self.images = 0

    def put(self, jobs: Sequence[Job]) -> list[Item]:
        """Queues jobs, all or none of them.

        Raises:
            RequestError: The queue is full (429).
        """
        count = sum(map(len, jobs))
        if self.images + count > self._max_images:
            self._forget_cancelled()
        if self.images + count > self._max_images:
            raise RequestError(
                429,
                f"The queue is full: {self.images} of at most {self._max_images} images "
                "are waiting. Try again later.",
                {"Retry-After": "1"},
            )
        loop = asyncio.get_running_loop()
        items = [Item(job, loop.time(), loop.create_future()) for job in jobs]
        self._items.extend(items)
        self.images += count
        self._changed.set()
        return items

    def put_back(self, items: Sequence[Item]) -> None:
        """Puts the jobs of a lost worker at the front."""
        self._items.extendleft(reversed(items))
        self.images += sum(len(item.job) for item in items)
        self._changed.set()

    async def take(self) -> list[Item]:
        """Waits for the next batch and returns it."""
        async with self._gathering:
            while True:
                while not self._forget_cancelled():
                    await self._next_change()
                left = self._seconds_left()
                if left <= 0:
                    return self._leave()
                await self._next_change(left)

    def remove_all(self) -> list[Item]:
        """Removes and returns all waiting jobs."""
        items, self._items, self.images = list(self._items), deque(), 0
        return items

    async def _next_change(self, seconds: float | None = None) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    def _forget_cancelled(self) -> int:
        """Drops jobs that are no longer awaited; returns the number of jobs left."""
        if any(item.outcome.done() for item in self._items):
            self._items = deque(item for item in self._items if not item.outcome.done())
            self.images = sum(len(item.job) for item in self._items)
        return len(self._items)

    def _seconds_left(self) -> float:
        """Returns how long to wait for more jobs; 0 if the batch is full."""
        first = self._items[0]
        if first.is_alone or self.images >= self._max_batch_images:
            return 0.0
        now = asyncio.get_running_loop().time()
        return first.entered + self._max_wait_seconds - now

    def _leave(self) -> list[Item]:
        batch = [self._items.popleft()]
        images = len(batch[0].job)
        while self._items and not batch[0].is_alone and not self._items[0].is_alone:
            images += len(self._items[0].job)
            if images > self._max_batch_images:
                break
            batch.append(self._items.popleft())
        self.images -= sum(len(item.job) for item in batch)
        return batch
