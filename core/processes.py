"""Several processes on one machine: what each gets of it, and how they end."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from .signals import StopSignal

SECONDS_BETWEEN_LOOKS = 0.05
DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"

Write = Callable[[int, str, str], None]


class ProcessGroup:
    """Processes that run and end together.

    Each leads a session of its own: Ctrl-C reaches this process alone, which hands it
    on, and what a process leaves behind is ended with it. They do not outlive this one.

    Args:
        commands: What to run.
        environments: Variables of each, in addition to those of this process.
        write: Takes a line of output: the number of the process, `"out"` or `"err"`,
            and the line.
    """

    def __init__(
        self,
        commands: Sequence[Sequence[str]],
        environments: Sequence[Mapping[str, str]],
        write: Write,
    ) -> None:
        self._readers: list[threading.Thread] = []
        self._processes: list[subprocess.Popen[str]] = []
        try:
            for command, environment in zip(commands, environments, strict=True):
                self._start(command, environment, write)
        except BaseException:
            self._kill(range(len(self._processes)))
            raise

    def wait(self, stop: StopSignal, seconds_to_end: float) -> list[tuple[int, int]]:
        """Waits until all have ended.

        A signal is handed on. Once there was one, or a process has failed, the others
        have some time left, then they are ended by SIGKILL.

        Args:
            stop: Where signals to this process are remembered.
            seconds_to_end: How much time that is.

        Returns:
            The numbers of the processes and their codes, in the order in which they
            ended; minus the number of a signal that ended one.
        """
        ended: list[tuple[int, int]] = []
        left = set(range(len(self._processes)))
        deadline: float | None = None
        is_notified = False
        while left:
            if stop.received is not None and not is_notified:
                is_notified = True
                self._signal(left, stop.received)
            for number in sorted(left):
                code = self._processes[number].poll()
                if code is not None:
                    left.remove(number)
                    ended.append((number, code))
                    self._kill([number])  # what it has left behind
            if deadline is None and (is_notified or any(code for _, code in ended)):
                deadline = time.monotonic() + seconds_to_end
            if deadline is not None and time.monotonic() > deadline:
                self._kill(left)
            time.sleep(SECONDS_BETWEEN_LOOKS)
        for reader in self._readers:
            reader.join(timeout=1.0)
        return ended

    def _start(
        self, command: Sequence[str], environment: Mapping[str, str], write: Write
    ) -> None:
        number = len(self._processes)
        process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.leash", str(os.getpid()), *command],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._processes.append(process)
        for name, stream in (("out", process.stdout), ("err", process.stderr)):
            arguments = (stream, number, name, write)
            reader = threading.Thread(target=_read, args=arguments, daemon=True)
            reader.start()
            self._readers.append(reader)

    def _signal(self, numbers: Any, which: signal.Signals) -> None:
        for number in numbers:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._processes[number].pid, which)

    def _kill(self, numbers: Any) -> None:
        self._signal(numbers, signal.SIGKILL)


def _read(stream: IO[str], number: int, name: str, write: Write) -> None:
    for line in stream:
        write(number, name, line.rstrip("\n"))


def how_it_ended(code: int | None) -> str:
    """Describes the exit code of a process; a negative code is a signal."""
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def worker_environments(count: int, gpus: Sequence[str]) -> list[dict[str, str]]:
    """Divides a machine among processes.

    Args:
        count: Of processes.
        gpus: As CUDA_VISIBLE_DEVICES names them; shared where there are fewer.

    Returns:
        Variables for each process: which GPUs it sees, that it takes memory of them as
        it needs it, and how many threads it computes with.

    Example:
        >>> [each["CUDA_VISIBLE_DEVICES"] for each in worker_environments(2, "0123")]
        ['0,1', '2,3']
    """
    threads = str(max((os.cpu_count() or 1) // count, 1))
    common = {
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        "OMP_NUM_THREADS": threads,
    }
    each = max(len(gpus) // count, 1)
    return [
        common | ({DEVICES_VARIABLE: _share(gpus, slot, each)} if gpus else {})
        for slot in range(count)
    ]


def _share(gpus: Sequence[str], slot: int, each: int) -> str:
    first = slot * each % len(gpus)
    return ",".join(gpus[first : first + each])


def visible_gpus() -> list[str]:
    """The GPUs of this machine, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get(DEVICES_VARIABLE)
    if named is not None:
        return [name for name in named.split(",") if name not in ("", "-1")]
    folder = Path("/proc/driver/nvidia/gpus")
    return [str(n) for n in range(len(list(folder.iterdir())))] if folder.exists() else []
