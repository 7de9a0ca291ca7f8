"""The interface between routes and model: predicts the images of requests."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..core.table_features import TableFeatures
from ..export.portable.answers import Answers, describe
from ..export.portable.document import ModelDocument, parse_document
from .errors import RequestError
from .images import Images
from .metrics import Metrics
from .parsing import Parser
from .settings import ServeSettings
from .workers.jobs import Job, Outcome, TaskCall, WorkerLostError
from .workers.pool import Pool, Start
from .workers.queue import BatchQueue

_DIGITS = 12  # of a digest, in hexadecimal, as a version


class Service:
    """Predicts images; the only interface that routes use.

    Args:
        start: Starts the worker with a number.
        settings: Limits.

    Attributes:
        settings: Limits.
        metrics: Metrics of the server.
        parser: Parser of requests.
        is_stopping: Whether new requests are rejected.
    """

    def __init__(self, start: Start, settings: ServeSettings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.parser = Parser(settings.timeout_seconds)
        self.is_stopping = False
        self._is_open = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._active = 0
        self._start = start
        self._pool: Pool | None = None
        self._queue: BatchQueue | None = None
        self._document: Mapping[str, Any] | None = None
        self._digest = ""
        self._description: ModelDocument | None = None
        self._version: str | None = None

    async def open(self) -> None:
        """Starts the workers in the current event loop; does not wait for them."""
        each = self.settings
        seconds = each.max_wait_ms / 1000
        self._queue = BatchQueue(each.max_queue_images, each.max_batch_images, seconds)
        self.metrics.waiting_images.set_function(self._waiting_images)
        self._pool = Pool(self._queue, self._start, each, self.metrics)
        self._is_open.set()

    async def close(self) -> None:
        """Ends the workers."""
        self.parser.close()
        if self._pool is not None:
            await self._pool.close()

    async def wait_until_ready(self) -> None:
        """Waits for the first worker."""
        await self._is_open.wait()
        await self._opened().has_opened.wait()

    async def failure(self) -> WorkerLostError:
        """Waits until workers are no longer started; returns why."""
        await self._is_open.wait()
        return await asyncio.shield(self._opened().failed)

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """Counts a request as active in this context."""
        self._active += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._active -= 1
            if not self._active:
                self._idle.set()

    async def stop(self) -> None:
        """Rejects new requests (503), and waits for active ones."""
        self.is_stopping = True
        await self._idle.wait()

    @property
    def is_ready(self) -> bool:
        """Whether a worker has opened the model and the server is not stopping."""
        return not self.is_stopping and self._pool is not None and bool(self._pool.ready)

    @property
    def document(self) -> Mapping[str, Any]:
        """Content of `model.json`.

        Raises:
            RequestError: The model is not open yet (503).
        """
        if self._document is None:
            ready = self._opened().ready
            if not ready:
                raise _not_ready()
            self._document, self._digest = ready[0].document, ready[0].digest
        return self._document

    @property
    def description(self) -> ModelDocument:
        """Content of `model.json`, parsed.

        Raises:
            RequestError: The model is not open yet (503).
        """
        if self._description is None:
            self._description = parse_document(self.document)
        return self._description

    @property
    def name(self) -> str:
        """Name of the model in URLs."""
        return self.settings.name or str(self.document["name"])

    @property
    def version(self) -> str:
        """Version of the model, an integer; by default derived from its digest."""
        if self._version is None:
            document = self.document
            number = self.settings.version or number_of_model(document, self._digest)
            self._version = str(number)
        return self._version

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of the outputs."""
        return list(self.description.classes)

    @property
    def task(self) -> str:
        """Task of the model: `classification`, `multi_label` or `regression`."""
        return self.description.task

    @property
    def image_size(self) -> int:
        """Height and width of the images that the model takes, in pixels."""
        return self.description.image_size

    @property
    def columns(self) -> TableFeatures | None:
        """Table columns that the model takes in addition to images, or None."""
        return self.description.columns

    def require_model(self, name: str, version: str | None = None) -> None:
        """Checks that a URL names the served model.

        Args:
            name: The requested name.
            version: The requested version, or None for any.

        Raises:
            RequestError: It names another (404), or the model is not open yet (503).
        """
        if name != self.name or version not in (None, self.version):
            requested = name if version is None else f"{name}, version {version}"
            raise RequestError(
                404,
                f"This server has the model {self.name}, version {self.version}, not "
                f"{requested!r}.",
            )

    def describe(self, answers: Answers) -> list[dict[str, Any]]:
        """Describes the prediction for each image, as `predict` does."""
        return describe(answers, self.description)

    @property
    def tasks(self) -> frozenset[str]:
        """Names of the tasks of `run_task`."""
        ready = self._opened().ready
        return ready[0].tasks if ready else frozenset()

    async def answers(self, images: Images) -> Answers:
        """Predicts the images of a request, in their order.

        Args:
            images: At least one image.

        Raises:
            RequestError: There are no images, or one can't be decoded (400); an image is
                too large, or there are too many (413); the queue is full (429); no worker
                is left (503); or it takes too long (504).
        """
        limit = self.settings.max_request_images
        if not len(images):
            raise RequestError(400, "A request must have at least one image.")
        if len(images) > limit:
            raise RequestError(
                413,
                f"A request must have at most {limit} images. Received: {len(images)}.",
            )
        parts = await self._outcomes(list(images.pieces(self.settings.max_batch_images)))
        answers = [part for part in parts if isinstance(part, Answers)]
        self.metrics.images.inc(len(images))
        return Answers(*map(np.concatenate, zip(*answers, strict=True)))

    async def run_task(
        self, name: str, content: bytes, arguments: Mapping[str, Any]
    ) -> bytes:
        """Runs a task for one image in a worker.

        Args:
            name: Name of the task.
            content: The bytes of an image file.
            arguments: Arguments of the task, as JSON values.

        Raises:
            RequestError: As `answers`; 404 if there is no such task.
        """
        (outcome,) = await self._outcomes([TaskCall(name, content, arguments)])
        if not isinstance(outcome, bytes):
            raise TypeError(type(outcome))
        return outcome

    async def _outcomes(self, jobs: list[Job]) -> list[Outcome]:
        """Waits for all jobs of a request.

        Raises:
            RequestError: One of them failed.
        """
        if self._queue is None or self._opened().failed.done():
            raise _not_ready()
        items = self._queue.put(jobs)
        try:
            async with asyncio.timeout(self.settings.timeout_seconds):
                outcomes = await asyncio.gather(*(item.outcome for item in items))
        except TimeoutError:
            raise self._timeout_error() from None
        finally:
            for item in items:
                item.outcome.cancel()
        for outcome in outcomes:
            if isinstance(outcome, RequestError):
                raise outcome
        return outcomes

    def _timeout_error(self) -> RequestError:
        if not self.is_ready:
            return _not_ready()
        seconds = self.settings.timeout_seconds
        return RequestError(504, f"There was no response within {seconds:g} s.")

    def _opened(self) -> Pool:
        if self._pool is None:
            raise _not_ready()
        return self._pool

    def _waiting_images(self) -> float:
        return float(self._queue.images if self._queue else 0)


def number_of_model(document: Mapping[str, Any], digest: str) -> int:
    """Derives a version from a model, an integer that JSON represents exactly.

    Args:
        document: Content of `model.json`.
        digest: Digest of the files of the model, if the document has none.
    """
    text = json.dumps([document, digest], sort_keys=True).encode()
    return int(hashlib.sha256(text).hexdigest()[:_DIGITS], 16)


def _not_ready() -> RequestError:
    return RequestError(503, "The model is not ready.", {"Retry-After": "1"})
