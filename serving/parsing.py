"""Parses requests; large ones in another process, as parsing JSON blocks the event loop."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from ..core.leash import end_with_parent
from .errors import RequestError

MAX_LOCAL_BYTES = 200_000  # parsed in a few hundredths of a second at worst

P = ParamSpec("P")
R = TypeVar("R")


class Parser:
    """Calls functions that parse requests.

    Args:
        seconds: Maximum time for one request.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pool: ProcessPoolExecutor | None = None

    async def parse(
        self, json_bytes: int, read: Callable[P, R], *arguments: P.args, **options: P.kwargs
    ) -> R:
        """Calls a function here, or in another process if there is much JSON.

        Args:
            json_bytes: Size of the JSON to parse.
            read: The function, at the top level of a module.
            *arguments: Positional arguments of the function.
            **options: Keyword arguments of the function.

        Returns:
            The result of the function.

        Raises:
            RequestError: Raised by the function; or it took too long (504), or the process
                was ended (503).
        """
        if json_bytes <= MAX_LOCAL_BYTES:
            return read(*arguments, **options)
        if self._pool is None:
            self._pool = _new_pool()
        reading = self._pool.submit(read, *arguments, **options)
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.wrap_future(reading)
        except TimeoutError:
            reason = f"The request could not be read within {self._seconds:g} s."
            raise RequestError(504, reason) from None
        except BrokenProcessPool:
            self.close()
            reason = "The process that reads large requests was ended."
            raise RequestError(503, reason, {"Retry-After": "1"}) from None

    def close(self) -> None:
        """Ends the process, if there is one."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _new_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        1, get_context("spawn"), initializer=_prepare, initargs=(os.getpid(),)
    )


def _prepare(parent: int) -> None:
    """Makes the process end with its parent and ignore signals."""
    end_with_parent(parent)
    with contextlib.suppress(OSError):
        os.setsid()
