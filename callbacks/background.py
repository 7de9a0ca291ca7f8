"""Background work during training, such as drawing."""

import concurrent.futures
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, ParamSpec

P = ParamSpec("P")


class Background:
    """Runs jobs one after another in its own thread, while training continues.

    A checkpoint becomes visible only after all jobs submitted before it, so a resumed run
    lacks none of their output. The first error of a job ends the fit: at the next
    checkpoint, or at the end.

    Example:
        >>> with Background() as background:
        ...     background.submit(print, "drawn")
        drawn
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="keraunos-background")
        self._jobs: list[Future[Any]] = []

    def submit(self, job: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Submits a job; its arguments must not change afterwards.

        Args:
            job: A function, called after all earlier jobs, even if one of them failed.
            *args: Positional arguments of the job.
            **kwargs: Keyword arguments of the job.
        """
        self._jobs = [each for each in self._jobs if not each.done() or each.exception()]
        self._jobs.append(self._executor.submit(job, *args, **kwargs))

    def wait(self) -> bool:
        """Waits for all jobs; returns whether none has failed."""
        concurrent.futures.wait(tuple(self._jobs))
        return not self._errors()

    def check(self) -> None:
        """Raises the error of the first failed job, if there is one."""
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
        """Waits for all jobs; raises errors, or adds them to the current exception."""
        self._executor.shutdown()
        if error is None:
            self.check()
        else:
            for other in self._errors():
                if other is not error:
                    error.add_note(f"A background job also failed: {other!r}")

    def _errors(self) -> list[BaseException]:
        found = [job.exception() for job in tuple(self._jobs) if job.done()]
        return [error for error in found if error is not None]
