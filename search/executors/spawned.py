"""Starts the processes of a search, and ends them with their parent."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.context import SpawnProcess
from pathlib import Path
from pickle import PicklingError
from typing import Any

from ...core.errors import ConfigError, message

SECONDS_TO_END = 60.0  # for a process to save its trial


def start_process(
    target: Callable[..., None],
    arguments: tuple[Any, ...],
    name: str,
    environment: Mapping[str, str],
) -> SpawnProcess:
    """Starts a process, whose target must call `follow_parent` first.

    Args:
        target: The function to call in the process.
        arguments: Its arguments, which must be picklable.
        name: Name of the process.
        environment: Environment variables in addition to those of this process.

    Raises:
        ConfigError: The arguments can't be pickled.
    """
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=target, args=arguments, name=name, daemon=True)
    with _variables(environment):
        try:
            process.start()
        except (AttributeError, TypeError, PicklingError) as error:
            raise ConfigError(
                message(
                    f"Objects for other processes must be picklable ({error}).",
                    "Pass functions defined at the top level of a module, and data as "
                    "ImageData or as such a function; or set parallel_trials to 1.",
                    process=name,
                )
            ) from None
    return process


def follow_parent(log: Path | None = None) -> None:
    """Ends this process with its parent, and lets only the parent receive Ctrl-C.

    Args:
        log: A file to which standard output and error are redirected, or None.
    """
    os.setsid()  # Ctrl-C reaches only the parent, which forwards it once
    if log is not None:
        with contextlib.suppress(OSError), open(log, "ab") as file:
            os.dup2(file.fileno(), sys.stdout.fileno())
            os.dup2(file.fileno(), sys.stderr.fileno())
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def end_process(process: SpawnProcess) -> None:
    """Kills a process and waits until it has ended."""
    process.kill()
    process.join()


def _end_with_parent() -> None:
    """Ends this process when its parent has ended; a trial is saved first."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SECONDS_TO_END)
        os._exit(128 + signal.SIGTERM)


@contextlib.contextmanager
def _variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables while a process is started, which inherits them."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
