"""Work that goes on beside training, such as drawing."""

import concurrent.futures
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, ParamSpec

P = ParamSpec("P")


class Background:
    """Runs jobs one after another in a thread of its own, while training continues.

    A checkpoint becomes visible only after the jobs that were submitted before it, so
    that a resumed run lacks nothing of what they write. The first error of a job ends the
    fit: at the next checkpoint, or at the end.

    Example:
        >>> with Background() as background:
        ...     background.submit(print, "drawn")
        drawn
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="keraunos-background")
        self._jobs: list[Future[Any]] = []

    def submit(self, job: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Hands a job over; its arguments must not change any more.

        Args:
            job: Runs after those before it, even after one that failed.
            *args: Of the job.
            **kwargs: Of the job.
        """
        self._jobs = [each for each in self._jobs if not each.done() or each.exception()]
        self._jobs.append(self._executor.submit(job, *args, **kwargs))

    def wait(self) -> bool:
        """Waits for all jobs; whether none has failed."""
        concurrent.futures.wait(tuple(self._jobs))
        return not self._errors()

    def check(self) -> None:
        """Raises the error of the first job that has failed, if one has by now."""
        for error in self._errors():
            raise error

    def __enter__(self) -> "Background":
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Waits for all jobs; their errors are raised, or noted on one that is raised."""
        self._executor.shutdown()
        if error is None:
            self.check()
        else:
            for other in self._errors():
                if other is not error:
                    error.add_note(f"A job in the background failed, too: {other!r}")

    def _errors(self) -> list[BaseException]:
        found = [job.exception() for job in tuple(self._jobs) if job.done()]
        return [error for error in found if error is not None]
