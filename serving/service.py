"""From images to predictions: the interface between routes and model."""

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
    """Predicts images; the only interface of routes.

    Args:
        start: Starts the worker of a number.
        settings: Limits.

    Attributes:
        settings: Limits.
        metrics: What is counted.
        parser: Reads requests.
        is_stopping: Whether requests that have not begun are refused.
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
        """Starts the workers, in the event loop that serves; does not wait for them."""
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
        """Waits until no worker is started any more; returns why."""
        await self._is_open.wait()
        return await asyncio.shield(self._opened().failed)

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """What surrounds a request while it is answered."""
        self._active += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._active -= 1
            if not self._active:
                self._idle.set()

    async def stop(self) -> None:
        """Rejects what comes from now on (503), and waits for what has begun."""
        self.is_stopping = True
        await self._idle.wait()

    @property
    def is_ready(self) -> bool:
        """Whether a worker has the model open, and the server is not about to stop."""
        return not self.is_stopping and self._pool is not None and bool(self._pool.ready)

    @property
    def document(self) -> Mapping[str, Any]:
        """What `model.json` holds.

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
        """The same, as it is read.

        Raises:
            RequestError: The model is not open yet (503).
        """
        if self._description is None:
            self._description = parse_document(self.document)
        return self._description

    @property
    def name(self) -> str:
        """Of the model in addresses."""
        return self.settings.name or str(self.document["name"])

    @property
    def version(self) -> str:
        """Of the model: a whole number, made of its digest where none was set."""
        if self._version is None:
            document = self.document
            number = self.settings.version or number_of_model(document, self._digest)
            self._version = str(number)
        return self._version

    @property
    def classes(self) -> list[str]:
        """In the order of the model's outputs."""
        return list(self.description.classes)

    @property
    def task(self) -> str:
        """What the model predicts: a class, several labels, or numbers."""
        return self.description.task

    @property
    def image_size(self) -> int:
        """Height and width of the images that the model takes, in pixels."""
        return self.description.image_size

    @property
    def columns(self) -> TableFeatures | None:
        """Those of a table that the model takes beside each image; None if none."""
        return self.description.columns

    def require_model(self, name: str, version: str | None = None) -> None:
        """Checks that an address names the model that is served.

        Args:
            name: The requested name.
            version: The requested version, or None for any.

        Raises:
            RequestError: It names another (404), or the model is not open yet (503).
        """
        if name != self.name or version not in (None, self.version):
            asked = name if version is None else f"{name}, version {version}"
            raise RequestError(
                404,
                f"The model here is {self.name}, version {self.version}; {asked!r} is not.",
            )

    def describe(self, answers: Answers) -> list[dict[str, Any]]:
        """What is said of each image, as in every other place where it is reported."""
        return describe(answers, self.description)

    @property
    def tasks(self) -> frozenset[str]:
        """The names of the tasks that `run_task` knows."""
        ready = self._opened().ready
        return ready[0].tasks if ready else frozenset()

    async def answers(self, images: Images) -> Answers:
        """Answers for the images of a request, in their order.

        Args:
            images: At least one.

        Raises:
            RequestError: There are none, or one can't be decoded (400), or is too large,
                or they are too many (413), there is no room (429), no worker is left
                (503), or it takes too long (504).
        """
        most = self.settings.max_request_images
        if not len(images):
            raise RequestError(400, "A request must have at least one image.")
        if len(images) > most:
            raise RequestError(
                413, f"A request may have {most} images, and this one has {len(images)}."
            )
        parts = await self._outcomes(list(images.pieces(self.settings.max_batch_images)))
        answers = [part for part in parts if isinstance(part, Answers)]
        self.metrics.images.inc(len(images))
        return Answers(*map(np.concatenate, zip(*answers, strict=True)))

    async def run_task(
        self, name: str, content: bytes, arguments: Mapping[str, Any]
    ) -> bytes:
        """Runs a task for one image, where the model is.

        Args:
            name: Of the task.
            content: The bytes of an image file.
            arguments: What the task takes, as JSON values.

        Raises:
            RequestError: As with `answers`; 404 if there is no such task.
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
            raise self._too_late() from None
        finally:
            for item in items:
                item.outcome.cancel()
        for outcome in outcomes:
            if isinstance(outcome, RequestError):
                raise outcome
        return outcomes

    def _too_late(self) -> RequestError:
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
    """A number that another model does not have, small enough for JSON everywhere.

    Args:
        document: What `model.json` holds.
        digest: Of the model's files, where the document has none.
    """
    text = json.dumps([document, digest], sort_keys=True).encode()
    return int(hashlib.sha256(text).hexdigest()[:_DIGITS], 16)


def _not_ready() -> RequestError:
    return RequestError(503, "The model is not ready.", {"Retry-After": "1"})
