"""Runs several workers on one machine, for a search on several machines.

Each has its own name and its own GPUs. A killed worker is restarted with the same name, so
that it continues its trial.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from ...core.console import notify
from ...core.errors import KeraunosError, WorkerError, message
from ...core.processes import describe_exit
from ...core.signals import StopSignal, stop_signals
from ..executors.spawned import (
    SECONDS_TO_END,
    end_process,
    follow_parent,
    start_process,
)
from ..trials import DEATHS, FitTrial
from .role import Role
from .worker import Worker

SECONDS_BETWEEN_LOOKS = 0.1

Start = Callable[[int], SpawnProcess]


def run_workers(
    role: Role,
    fit: FitTrial,
    objective: str,
    settings: Mapping[str, Any],
    directory: Path,
    environments: Sequence[Mapping[str, str]],
) -> int | None:
    """Runs a worker for each environment until the chief has no more trials.

    Args:
        role: Role of this process, after which the workers are named.
        fit: Trains a trial; must be picklable.
        objective: Name of the metric that is the score.
        settings: The settings of the search, by dotted name.
        directory: Directory of the search.
        environments: Environment variables of each worker, such as its visible devices.

    Returns:
        The signal that stopped the workers, or None.

    Raises:
        WorkerError: A worker failed.
    """

    def start(slot: int) -> SpawnProcess:
        name = f"{role.tuner_id}.{slot}"
        own = role._replace(tuner_id=name)
        arguments = (own, fit, objective, settings, directory)
        return start_process(_serve, arguments, name, environments[slot])

    processes: list[SpawnProcess] = []
    with stop_signals() as stop:
        try:
            for slot in range(len(environments)):
                processes.append(start(slot))
            _watch(processes, start, stop)
        finally:
            for process in processes:
                end_process(process)
    if stop.received is not None:
        return int(stop.received)
    _require_success(processes)
    return None


def _watch(processes: list[SpawnProcess], start: Start, stop: StopSignal) -> None:
    """Waits until all processes have ended, and restarts killed ones."""
    deaths = dict.fromkeys(range(len(processes)), 0)
    while any(process.is_alive() for process in processes) and stop.received is None:
        for slot, process in enumerate(processes):
            code = process.exitcode
            if code is not None and code < 0 and deaths[slot] < DEATHS:
                deaths[slot] += 1
                notify(f"{process.name} {describe_exit(code)} and is restarted")
                processes[slot] = start(slot)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if stop.received is not None:
        _end_in_order(processes, int(stop.received))


def _end_in_order(processes: Sequence[SpawnProcess], number: int) -> None:
    """Sends a signal to all workers, and waits until they have saved their trials."""
    for process in processes:
        if process.is_alive() and process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
    deadline = time.monotonic() + SECONDS_TO_END
    for process in processes:
        process.join(max(deadline - time.monotonic(), 0.0))


def _require_success(processes: Sequence[SpawnProcess]) -> None:
    failed = {p.name: describe_exit(p.exitcode) for p in processes if p.exitcode != 0}
    if failed:
        raise WorkerError(
            message(
                "All workers of this machine must finish successfully.",
                "Their errors are above; run the same command to continue.",
                **failed,
            )
        )


def _serve(
    role: Role,
    fit: FitTrial,
    objective: str,
    settings: Mapping[str, Any],
    directory: Path,
) -> None:
    follow_parent()
    try:
        number = Worker(role, fit, objective, settings, directory).run()
    except KeraunosError as error:
        notify(f"error: {role.tuner_id}: {error}")
        sys.exit(error.exit_code)
    sys.exit(0 if number is None else 128 + number)
