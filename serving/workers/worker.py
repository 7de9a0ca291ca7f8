"""Controls a worker, in a thread of this process or in another process."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from ...core.processes import describe_exit
from .jobs import Job, Outcome, WorkerLostError
from .wire import LENGTH_BYTES, length_of, pack_jobs, unpack_outcomes
from .work import Work

_EXIT_SECONDS = 3.0


class Worker(Protocol):
    """Does one batch of jobs at a time.

    Attributes:
        document: Content of `model.json`.
        digest: Digest of the files of the model, if the document has none.
        tasks: Names of further tasks.
        lost: Set once the worker has ended.
    """

    document: Mapping[str, Any]
    digest: str
    tasks: frozenset[str]
    lost: asyncio.Event

    async def do(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Does jobs.

        Raises:
            WorkerLostError: The worker has ended before it answered.
        """

    async def end(self) -> None:
        """Ends the worker, by force if necessary."""


class LocalWorker:
    """A worker in a thread of this process."""

    def __init__(self, work: Work) -> None:
        self.document = work.document
        self.digest = ""
        self.tasks = frozenset(work.tasks)
        self.lost = asyncio.Event()
        self._work = work
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def do(self, jobs: Sequence[Job]) -> list[Outcome]:
        """See `Worker`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._work.do, jobs)

    async def end(self) -> None:
        """See `Worker`; does not release the model."""
        self._thread.shutdown(wait=False)
        self._work.close()


async def start_process(
    command: Sequence[str], environment: Mapping[str, str], seconds: float
) -> "ProcessWorker":
    """Starts a process and waits until it has opened its model.

    Args:
        command: Command that calls `serve_parent`; the descriptor is appended to it.
        environment: Environment variables in addition to those of this process.
        seconds: Maximum time.

    Raises:
        WorkerLostError: It ended, or took longer.
    """
    ours, its = socket.socketpair()
    leash = [sys.executable, "-P", "-m", "keraunos.core.leash", str(os.getpid())]
    with its:
        process = await asyncio.create_subprocess_exec(
            *leash,
            *command,
            str(its.fileno()),
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[its.fileno()],
            start_new_session=True,
        )
    ours.setblocking(False)
    worker = ProcessWorker(process, *await asyncio.open_connection(sock=ours))
    await worker.wait_until_open(seconds)
    return worker


class ProcessWorker:
    """A worker in its own process, which ends with this one.

    Create it with `start_process`.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.document: Mapping[str, Any] = {}
        self.digest = ""
        self.tasks: frozenset[str] = frozenset()
        self.lost = asyncio.Event()
        self.process = process
        self._reader = reader
        self._writer = writer
        self._watch = asyncio.create_task(self._wait())

    async def wait_until_open(self, seconds: float) -> None:
        """Waits until the process has opened its model; ends it if it does not.

        Raises:
            WorkerLostError: It ended, or took longer.
        """
        try:
            async with asyncio.timeout(seconds):
                header, _ = await self._read()
        except TimeoutError:
            await self.end()
            raise WorkerLostError(f"did not open the model within {seconds:g} s") from None
        except BaseException:
            await self.end()
            raise
        self.document, self.digest = header["document"], header["digest"]
        self.tasks = frozenset(header["tasks"])

    async def do(self, jobs: Sequence[Job]) -> list[Outcome]:
        """See `Worker`."""
        try:
            for part in pack_jobs(jobs):
                self._writer.write(part)
            await self._writer.drain()
        except OSError:
            raise await self._loss() from None
        return unpack_outcomes(*await self._read())

    async def end(self) -> None:
        """See `Worker`; it has nothing to save."""
        self._writer.close()
        self.kill()
        await self._watch

    def kill(self) -> None:
        """Kills the process and its children."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    async def _wait(self) -> None:
        await self.process.wait()
        self.lost.set()

    async def _read(self) -> tuple[dict[str, Any], list[bytes]]:
        try:
            prefix = await self._reader.readexactly(LENGTH_BYTES)
            header = json.loads(await self._reader.readexactly(length_of(prefix)))
            return header, [await self._reader.readexactly(n) for n in header["blobs"]]
        except (asyncio.IncompleteReadError, OSError):
            raise await self._loss() from None

    async def _loss(self) -> WorkerLostError:
        """Returns how the process ended; kills it if it only closed its connection."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._watch), _EXIT_SECONDS)
        self.kill()
        await self._watch
        code = self.process.returncode
        return WorkerLostError(describe_exit(code), code)
