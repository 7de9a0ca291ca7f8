"""Starts and restarts workers, and passes batches to them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ...core.console import notify
from ..errors import RequestError
from ..metrics import Metrics
from ..settings import ServeSettings
from .jobs import WorkerLostError
from .queue import BatchQueue, Item
from .worker import Worker

MAX_ATTEMPTS = 2
_BATCH_TIMEOUT_FACTOR = 2  # times the timeout of a request; all requests have ended by then
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 30.0

Start = Callable[[int], Awaitable[Worker]]


class Pool:
    """Workers that take batches from a queue; a lost worker is replaced.

    The jobs of a lost worker are retried by another one, each in its own batch, so that a
    job that crashes workers fails alone: with status 503, after the second loss.

    Args:
        queue: Queue of jobs.
        start: Starts the worker with a number.
        settings: Number of workers, and limits.
        metrics: Metrics of the server.

    Attributes:
        ready: Workers that have opened the model.
        has_opened: Set once the first worker has opened the model.
        failed: Done, with a `WorkerLostError`, once workers are no longer started.
    """

    def __init__(
        self, queue: BatchQueue, start: Start, settings: ServeSettings, metrics: Metrics
    ) -> None:
        self.ready: list[Worker] = []
        self.has_opened = asyncio.Event()
        self.failed: asyncio.Future[WorkerLostError] = (
            asyncio.get_running_loop().create_future()
        )
        self._queue = queue
        self._start = start
        self._settings = settings
        self._metrics = metrics
        self._served: tuple[Mapping[str, Any], str] | None = None
        self._slots = [
            asyncio.create_task(self._keep_running(number))
            for number in range(settings.workers)
        ]

    async def close(self) -> None:
        """Ends all workers; waiting jobs fail with status 503."""
        for slot in self._slots:
            slot.cancel()
        await asyncio.gather(*self._slots, return_exceptions=True)
        _fail(self._queue.remove_all(), "The server has stopped.")

    async def _keep_running(self, number: int) -> None:
        """Keeps one worker running as long as possible."""
        losses = 0
        while not self.failed.done():
            batches, error = await self._run_worker(number)
            losses = 1 if batches else losses + 1
            self._handle_loss(number, error, losses)
            pause = _FIRST_PAUSE_SECONDS * 2 ** (losses - 1)
            await asyncio.sleep(min(pause, _LONGEST_PAUSE_SECONDS))

    async def _run_worker(self, number: int) -> tuple[int, WorkerLostError]:
        """Starts a worker and passes batches to it until it is lost.

        Returns:
            The number of batches it answered, and how it ended.
        """
        try:
            worker = await self._start(number)
        except WorkerLostError as error:
            return 0, error
        batches = 0
        try:
            self._require_same_model(worker)
            self._count_ready([*self.ready, worker])
            while (batch := await self._take_batch(worker)) is not None:
                await self._answer(worker, batch)
                batches += 1
        except WorkerLostError as error:
            return batches, error
        finally:
            self._count_ready([each for each in self.ready if each is not worker])
            await worker.end()
        return batches, WorkerLostError("ended while idle")

    def _require_same_model(self, worker: Worker) -> None:
        """Rejects a worker that opened another model, because the files have changed."""
        served = (worker.document, worker.digest)
        if self._served is None:
            self._served = served
        if served != self._served:
            raise WorkerLostError("opened a different model from the one being served")

    def _count_ready(self, ready: list[Worker]) -> None:
        self.ready = ready
        self._metrics.workers.set(len(ready))
        if ready:
            self.has_opened.set()

    def _handle_loss(self, number: int, error: WorkerLostError, losses: int) -> None:
        """Reports a lost worker; gives up if none is left and restarting is useless."""
        self._metrics.lost_workers.inc()
        ended_by_itself = error.code is not None and error.code > 0
        is_hopeless = ended_by_itself and not self.has_opened.is_set()
        is_last = losses > self._settings.max_restarts and not self.ready
        if not (is_hopeless or is_last):
            notify(f"worker {number} {error}; starting another")
        elif not self.failed.done():
            notify(f"worker {number} {error}")
            self.failed.set_result(error)
            _fail(self._queue.remove_all(), "No worker could be started.")

    async def _take_batch(self, worker: Worker) -> list[Item] | None:
        """Returns the next batch, or None if the worker is lost before."""
        taking = asyncio.create_task(self._queue.take())
        losing = asyncio.create_task(worker.lost.wait())
        try:
            await asyncio.wait({taking, losing}, return_when=asyncio.FIRST_COMPLETED)
            return taking.result() if taking.done() else None
        finally:
            taking.cancel()
            losing.cancel()

    async def _answer(self, worker: Worker, batch: Sequence[Item]) -> None:
        began = asyncio.get_running_loop().time()
        limit = _BATCH_TIMEOUT_FACTOR * self._settings.timeout_seconds
        try:
            async with asyncio.timeout(limit):
                outcomes = await worker.do([item.job for item in batch])
        except (WorkerLostError, TimeoutError) as error:
            self._retry(batch)
            if isinstance(error, WorkerLostError):
                raise
            raise WorkerLostError(f"took longer than {limit:g} s for a batch") from None
        except BaseException:
            _fail(batch, "The server has stopped.")
            raise
        self._metrics.batch_seconds.observe(asyncio.get_running_loop().time() - began)
        self._metrics.batch_images.observe(sum(len(item.job) for item in batch))
        for item, outcome in zip(batch, outcomes, strict=True):
            if not item.outcome.done():
                item.outcome.set_result(outcome)

    def _retry(self, batch: Sequence[Item]) -> None:
        for item in batch:
            item.attempts += 1
        again = [item for item in batch if item.attempts < MAX_ATTEMPTS]
        _fail(
            [item for item in batch if item.attempts >= MAX_ATTEMPTS],
            "Two workers ended while handling this request.",
        )
        self._metrics.retried.inc(len(again))
        self._queue.put_back(again)


def _fail(items: Sequence[Item], reason: str) -> None:
    for item in items:
        if not item.outcome.done():
            item.outcome.set_result(RequestError(503, reason, {"Retry-After": "1"}))
