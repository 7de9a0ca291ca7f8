"""Processes that start with TensorFlow loaded, to be killed and inspected.

They are forked from a server that has imported it, and used nothing of it.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from helpers import SECONDS_AT_MOST
from keraunos import KeraunosError
from keraunos.cli.commands.launch import free_ports
from keraunos.core.cluster import Cluster

_CONTEXT = multiprocessing.get_context("forkserver")
# Not test modules: Python 3.11 does not pass their location to the server.
_CONTEXT.set_forkserver_preload(
    ["tensorflow", "keras", "keraunos.search", "keraunos.trainer.trainer"]
)


class Program:
    """A function that runs in its own process; its output goes to a file.

    Args:
        function: A function at the top level of a module; it returns the exit code.
        arguments: Its arguments.
        output: The file for its output.
        environment: Variables that are set first.
        errors: The file for standard error, if separate.
    """

    def __init__(
        self,
        function: Callable[..., int],
        *arguments: Any,
        output: Path,
        environment: Mapping[str, str] | None = None,
        errors: Path | None = None,
    ) -> None:
        self._output = output
        files = (output, errors or output)
        self._process = _CONTEXT.Process(
            target=_run, args=(function, arguments, files, dict(environment or {}))
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process ID."""
        return int(self._process.pid or 0)

    @property
    def children(self) -> list[int]:
        """The processes that it has started."""
        found = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(each) for each in found]

    @property
    def output(self) -> str:
        """What it wrote."""
        return self._output.read_text() if self._output.exists() else ""

    def send(self, number: int) -> None:
        """Sends it a signal."""
        os.kill(self.pid, number)

    def stop(self) -> None:
        """Kills it if it still runs."""
        self._process.kill()
        self._process.join()

    def end(self, seconds: float = SECONDS_AT_MOST) -> int:
        """Waits until it ends; returns its exit code, negative if a signal ended it.

        Raises:
            AssertionError: It does not end.
        """
        self._process.join(seconds)
        if self._process.exitcode is None:
            self.stop()
            raise AssertionError(f"did not end in {seconds} s: {self.output}")
        return int(self._process.exitcode)


def fork_keraunos(
    *arguments: object,
    cwd: Path,
    script: Path | None = None,
    timeout_seconds: float = SECONDS_AT_MOST,
) -> subprocess.CompletedProcess[str]:
    """Runs the command line like `run_keraunos`, but in a forked process.

    Args:
        arguments: As typed after `keraunos`.
        cwd: The working directory.
        script: A script to run instead, with those arguments.
        timeout_seconds: Limit after which the process is killed and the test fails.
    """
    typed = [*map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        out, errors = Path(folder) / "out", Path(folder) / "errors"
        everything = (typed, str(cwd), script, dict(os.environ))
        process = Program(type_keraunos, *everything, output=out, errors=errors)
        try:
            code = process.end(timeout_seconds)
        except AssertionError as error:
            raise AssertionError(errors.read_text()) from error
        said = (out.read_text(), errors.read_text())
    return subprocess.CompletedProcess(typed, code, *said)


def type_keraunos(
    arguments: list[str], cwd: str, script: Path | None, environment: dict[str, str]
) -> int:
    """Does what `python -m keraunos` does in a terminal."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path.insert(0, cwd)
    sys.argv = [str(script or "keraunos"), *arguments]
    try:
        if script is None:
            runpy.run_module("keraunos", run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out
        sys.stderr.flush()
    return 0


def run_workers(
    function: Callable[..., int | None], count: int, folder: Path, *arguments: Any
) -> list[int]:
    """Runs a function in this many workers; returns their exit codes.

    The output of each is in the file `log-RANK` of the folder, its first argument.
    """
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(count))
    workers = [
        Program(
            _work,
            function,
            folder,
            *arguments,
            output=folder / f"log-{rank}",
            environment={"TF_CONFIG": Cluster(addresses, rank).tf_config()},
        )
        for rank in range(count)
    ]
    try:
        return [worker.end() for worker in workers]
    finally:
        for worker in workers:
            worker.stop()


def _work(function: Callable[..., int | None], *arguments: Any) -> int:
    """Ends as a program does."""
    try:
        return function(*arguments) or 0
    except KeraunosError as error:
        print(f"error: {error}")
        return error.exit_code
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out


def wait_for(condition: Callable[[], bool], seconds: float = SECONDS_AT_MOST) -> None:
    """Polls until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _run(
    function: Callable[..., int],
    arguments: tuple[Any, ...],
    files: tuple[Path, Path],
    environment: dict[str, str],
) -> None:
    os.environ.update(environment)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND), number)
    try:
        code = function(*arguments)
    except Exception:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os._exit(code)
