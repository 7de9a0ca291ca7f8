"""Does the jobs of a batch with the model of this process."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np

from ...core.environment import usable_cpus
from ...data.files.decode import Pixels
from ...data.files.pixel_rules import TooLargeError, UndecodableError
from ...export.portable.answers import Answers
from ...export.portable.model import Model
from ..errors import RequestError
from ..images import Cells, EncodedImages, PixelImages
from .jobs import Job, Outcome, TaskCall

Task = Callable[[bytes, Mapping[str, Any]], bytes]

_DECODING_THREADS = 4
_log = logging.getLogger(__name__)


class Work:
    """Does the jobs of a batch: decodes images in parallel and calls the model once.

    Args:
        model: The model.
        tasks: Further tasks; see `create_app`.
    """

    def __init__(self, model: Model, tasks: Mapping[str, Task]) -> None:
        self.document = model.document
        self.tasks = tasks
        self._model = model
        self._threads = ThreadPool(min(usable_cpus(), _DECODING_THREADS))

    def warm_up(self, images: int) -> None:
        """Calls the model once for one image and once for a full batch."""
        size, columns = self._model.image_size, self._model.columns
        for count in sorted({1, images}):
            cells = None if columns is None else columns.typical_cells(count)
            self._model.answers(np.zeros((count, size, size, 3), np.uint8), cells)

    def do(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Does jobs; a failure of one does not affect the others.

        Args:
            jobs: Images and tasks.

        Returns:
            The outcomes, in the order of the jobs.
        """
        tasks = [self._do_task(job) for job in jobs if isinstance(job, TaskCall)]
        rest = [job for job in jobs if not isinstance(job, TaskCall)]
        answers = iter(self._do_images(rest))
        each = iter(tasks)
        return [next(each) if isinstance(job, TaskCall) else next(answers) for job in jobs]

    def close(self) -> None:
        """Ends the threads."""
        self._threads.terminate()

    def _do_task(self, call: TaskCall) -> Outcome:
        if call.name not in self.tasks:
            return RequestError(404, f"This model has no {call.name}.")
        try:
            return self.tasks[call.name](call.content, call.arguments)
        except RequestError as error:
            return error
        except UndecodableError as error:
            return _undecodable(error, "The image")
        except Exception:
            return _failure()

    def _do_images(self, jobs: Sequence[EncodedImages | PixelImages]) -> list[Outcome]:
        encoded = [job for job in jobs if isinstance(job, EncodedImages)]
        contents = [content for job in encoded for content in job.contents]
        decoded = iter(self._threads.map(self._decode, contents))
        pixels = [_pixels(job, decoded) for job in jobs]
        usable = [
            (each, job.cells)
            for each, job in zip(pixels, jobs, strict=True)
            if not isinstance(each, RequestError)
        ]
        answers = self._answers(*zip(*usable, strict=True)) if usable else iter(())
        return [
            each if isinstance(each, RequestError) else next(answers) for each in pixels
        ]

    def _decode(self, content: bytes) -> Pixels | UndecodableError:
        try:
            return self._model.decode(content)
        except UndecodableError as error:
            return error

    def _answers(self, parts: Sequence[Any], cells: Sequence[Cells]) -> Iterator[Outcome]:
        try:
            answers = self._model.answers(np.concatenate(parts), _joined(cells))
        except Exception:
            yield from [_failure()] * len(parts)
            return
        start = 0
        for part in parts:
            stop = start + len(part)
            yield _finite(Answers(*(each[start:stop] for each in answers)))
            start = stop


def _joined(parts: Sequence[Cells]) -> Cells:
    """Concatenates the cells of several jobs, all with the same columns."""
    given = [part for part in parts if part is not None]
    if not given:
        return None
    return {name: [cell for part in given for cell in part[name]] for name in given[0]}


def _pixels(
    job: EncodedImages | PixelImages, decoded: Iterator[Pixels | UndecodableError]
) -> Any:
    """Returns the pixels of a job, or an error; consumes its images from `decoded`."""
    if isinstance(job, PixelImages):
        return job.pixels
    found: list[Any] = [next(decoded) for _ in job.contents]
    for number, each in enumerate(found, job.first):
        if isinstance(each, UndecodableError):
            is_only_one = number == 0 and len(found) == 1
            subject = "The image" if is_only_one else f"Image {number} of the request"
            return _undecodable(each, subject)
    return np.stack(found)


def _finite(answers: Answers) -> Outcome:
    if np.isfinite(answers.probabilities).all():
        return answers
    return RequestError(500, "The outputs of the model are not finite.")


def _undecodable(error: UndecodableError, subject: str) -> RequestError:
    status = 413 if isinstance(error, TooLargeError) else 400
    return RequestError(status, f"{subject} can't be used: {error}.")


def _failure() -> RequestError:
    _log.exception("the model failed")
    return RequestError(500, "The model failed; the log of the server has the reason.")
