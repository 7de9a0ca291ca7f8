"""Runs groups of processes on one machine, and divides its GPUs and threads among them."""

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

SECONDS_BETWEEN_CHECKS = 0.05
DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"

Write = Callable[[int, str, str], None]


class ProcessGroup:
    """Processes that run and end together.

    Each process leads its own session: Ctrl-C reaches only this process, which forwards it,
    and child processes that a process leaves behind are killed. They do not outlive this
    process.

    Args:
        commands: The command of each process.
        environments: Environment variables of each, in addition to those of this process.
        write: Called with each line of output: the index of the process, `"out"` or
            `"err"`, and the line.
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
        """Waits until all processes have ended.

        Forwards signals. After a signal, or once a process has failed, the others have
        `seconds_to_end` seconds before they are killed.

        Args:
            stop: Records the signals to this process.
            seconds_to_end: Seconds to wait before killing.

        Returns:
            Indices and exit codes of the processes in the order in which they ended; for a
            signal, the code is minus its number.
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
                    self._kill([number])  # also kills its children
            if deadline is None and (is_notified or any(code for _, code in ended)):
                deadline = time.monotonic() + seconds_to_end
            if deadline is not None and time.monotonic() > deadline:
                self._kill(left)
            time.sleep(SECONDS_BETWEEN_CHECKS)
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


def describe_exit(code: int | None) -> str:
    """Describes the exit code of a process; a negative code is a signal."""
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def worker_environments(count: int, gpus: Sequence[str]) -> list[dict[str, str]]:
    """Divides the GPUs and threads of a machine among processes.

    Args:
        count: Number of processes.
        gpus: Names as in CUDA_VISIBLE_DEVICES; processes share GPUs if there are fewer.

    Returns:
        Environment variables for each process: its visible GPUs, memory growth, and its
        number of threads.

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
        common | ({DEVICES_VARIABLE: _gpus_of_slot(gpus, slot, each)} if gpus else {})
        for slot in range(count)
    ]


def _gpus_of_slot(gpus: Sequence[str], slot: int, each: int) -> str:
    first = slot * each % len(gpus)
    return ",".join(gpus[first : first + each])


def visible_gpus() -> list[str]:
    """Returns the GPUs of this machine, named as in CUDA_VISIBLE_DEVICES."""
    named = os.environ.get(DEVICES_VARIABLE)
    if named is not None:
        return [name for name in named.split(",") if name not in ("", "-1")]
    folder = Path("/proc/driver/nvidia/gpus")
    return [str(n) for n in range(len(list(folder.iterdir())))] if folder.exists() else []
