"""Processes of a search: how they start, and end with the one that started them."""

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

SECONDS_TO_END = 60.0  # what a process may take to save its trial


def start_process(
    target: Callable[..., None],
    arguments: tuple[Any, ...],
    name: str,
    environment: Mapping[str, str],
) -> SpawnProcess:
    """Starts a process, which is to call `follow_parent` first.

    Args:
        target: What it calls.
        arguments: Of that; they are sent.
        name: Of the process.
        environment: Variables that it has in addition to those of this process.

    Raises:
        ConfigError: The arguments can't be sent.
    """
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=target, args=arguments, name=name, daemon=True)
    with _variables(environment):
        try:
            process.start()
        except (AttributeError, TypeError, PicklingError) as error:
            raise ConfigError(
                message(
                    "Objects that are sent to other processes must be importable "
                    f"({error}).",
                    "Give functions that are defined at the top of a module, and data as "
                    "ImageData or such a function; or leave parallel_trials at 1.",
                    process=name,
                )
            ) from None
    return process


def follow_parent(log: Path | None = None) -> None:
    """Makes this process end with its parent, and only through it.

    Args:
        log: A file for what it, and libraries within it, write to standard output and
            error from now on.
    """
    os.setsid()  # Ctrl-C reaches the parent alone, which hands it on once
    if log is not None:
        with contextlib.suppress(OSError), open(log, "ab") as file:
            os.dup2(file.fileno(), sys.stdout.fileno())
            os.dup2(file.fileno(), sys.stderr.fileno())
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def end_process(process: SpawnProcess) -> None:
    """Leaves nothing of it."""
    process.kill()
    process.join()


def _end_with_parent() -> None:
    """Stops this process when its parent is gone; a trial is saved first."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SECONDS_TO_END)
        os._exit(128 + signal.SIGTERM)


@contextlib.contextmanager
def _variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets variables while a process is started, which inherits them."""
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
