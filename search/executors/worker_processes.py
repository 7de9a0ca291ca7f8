"""Runs trials in worker processes, several at a time.

Workers are started once and receive trials over a pipe. A worker that dies is replaced, and
its trial is resumed from its run directory.
"""

import contextlib
import functools
import multiprocessing
import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Self

from ...core.errors import ConfigError, message
from ...core.processes import describe_exit
from ...core.signals import stop_signals
from ..progress import TrialProgress, WorkerStatus, reporting_to
from ..trials import DEATHS, FitTrial, Outcome, TrialPlan, garbage_of_trials_only, run_trial
from .spawned import SECONDS_TO_END, end_process, follow_parent, start_process

READY = "ready"  # the first message of a worker


@dataclass
class _Worker:
    process: SpawnProcess
    connection: Connection
    plan: TrialPlan | None = None
    deaths: int = 0
    is_ready: bool = False


class WorkerProcesses:
    """Runs trials in separate processes.

    Args:
        fit: Trains a trial; must be picklable.
        objective: Name of the metric that is the score.
        environments: Environment variables of each process, such as its visible devices.
        logs: A folder for the output of each process: `worker-0.log` and so on. By default,
            they write to the output of this process.
    """

    def __init__(
        self,
        fit: FitTrial,
        objective: str,
        environments: Sequence[Mapping[str, str]],
        logs: Path | None = None,
    ) -> None:
        self._fit = fit
        self._objective = objective
        self._environments = environments
        self._logs = logs
        self._statuses = [WorkerStatus(str(slot)) for slot in range(len(environments))]
        self._workers: dict[int, _Worker] = {}
        self._signals = stop_signals()

    def __enter__(self) -> Self:
        self._stop = self._signals.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self._end_all()
        finally:
            self._signals.__exit__(None, None, None)

    @property
    def has_room(self) -> bool:
        """Whether another trial can start."""
        busy = [worker for worker in self._workers.values() if worker.plan is not None]
        return len(busy) < len(self._environments)

    @property
    def workers(self) -> Sequence[WorkerStatus]:
        """The status of each process."""
        return list(self._statuses)

    def begin(self, plan: TrialPlan) -> None:
        """Sends a trial to an idle process."""
        slot = next(
            slot
            for slot in range(len(self._environments))
            if slot not in self._workers or self._workers[slot].plan is None
        )
        self._send(slot, plan)

    def wait(self) -> tuple[int, Outcome]:
        """Waits until a trial has ended or a signal is received.

        Returns:
            The number and outcome of the trial.
        """
        while True:
            if self._stop.received is not None:
                return -1, Outcome("interrupted", signal=int(self._stop.received))
            busy = {w.connection: s for s, w in self._workers.items() if w.plan is not None}
            for ready in wait(list(busy), timeout=0.1):
                finished = self._receive(busy[ready])  # type: ignore[index]
                if finished is not None:
                    return finished

    def _send(self, slot: int, plan: TrialPlan, deaths: int = 0) -> None:
        if slot not in self._workers or not self._workers[slot].process.is_alive():
            self._workers[slot] = self._start(slot)
        worker = self._workers[slot]
        worker.plan, worker.deaths = plan, deaths
        self._note(slot, plan=plan, progress=None, since=time.monotonic())
        with contextlib.suppress(OSError):  # it has just died, which `wait` detects
            worker.connection.send(plan)

    def _start(self, slot: int) -> _Worker:
        log = self._logs and self._logs / f"worker-{slot}.log"
        ours, theirs = multiprocessing.Pipe()
        process = start_process(
            _serve,
            (theirs, self._fit, self._objective, log),
            f"keraunos-trials-{slot}",
            self._environments[slot],
        )
        theirs.close()
        return _Worker(process, ours)

    def _receive(self, slot: int) -> tuple[int, Outcome] | None:
        worker = self._workers[slot]
        plan = worker.plan
        if plan is None:
            raise RuntimeError("a worker without a trial has nothing to report")
        try:
            if not worker.is_ready:
                worker.is_ready = worker.connection.recv() == READY
                return None
            answer = worker.connection.recv()
        except (EOFError, OSError):
            _require_a_signal(worker)
            return self._replace(slot, worker, plan)
        if isinstance(answer, TrialProgress):
            self._note(slot, progress=answer)
            return None
        if answer.status == "interrupted" and self._stop.received is None:
            return self._replace(slot, worker, plan)  # only this process was signaled
        worker.plan = None
        self._note(slot, plan=None, progress=None)
        return plan.number, answer

    def _note(self, slot: int, **changes: Any) -> None:
        self._statuses[slot] = replace(self._statuses[slot], **changes)

    def _replace(
        self, slot: int, worker: _Worker, plan: TrialPlan
    ) -> tuple[int, Outcome] | None:
        """Continues the trial of a dead process in a new one."""
        end_process(worker.process)
        del self._workers[slot]
        deaths = worker.deaths + 1
        restarts = self._statuses[slot].restarts + 1
        self._note(slot, plan=None, progress=None, restarts=restarts)
        if deaths == DEATHS:
            how = describe_exit(worker.process.exitcode)
            return plan.number, Outcome(
                "failed", reason=f"its process {how}, {DEATHS} times"
            )
        if self._stop.received is None:
            self._send(slot, plan, deaths)
        return None

    def _end_all(self) -> None:
        """Ends all processes; those with a trial save it first."""
        number = self._stop.received or signal.SIGTERM
        for worker in self._workers.values():
            if worker.plan is not None and worker.process.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.process.pid, number)
            worker.connection.close()
        deadline = time.monotonic() + SECONDS_TO_END
        for worker in self._workers.values():
            worker.process.join(max(deadline - time.monotonic(), 0))
            end_process(worker.process)
        self._workers.clear()


def _require_a_signal(worker: _Worker) -> None:
    """Raises an error for a process that exited by itself before its first trial."""
    worker.process.join(SECONDS_TO_END)
    code = worker.process.exitcode
    if worker.is_ready or code is None or code < 0:
        return
    raise ConfigError(
        message(
            "A process for trials must be able to import the program that starts it.",
            'Move the top-level code of a script below `if __name__ == "__main__":`; the '
            "error of the process is above.",
            process=describe_exit(code),
        )
    )


def _serve(connection: Connection, fit: FitTrial, objective: str, log: Path | None) -> None:
    """Runs received trials until the other end of the pipe closes."""
    follow_parent(log)
    report = functools.partial(_send_if_room, connection)
    with contextlib.suppress(EOFError, OSError), garbage_of_trials_only():
        connection.send(READY)
        while True:
            plan = connection.recv()
            with reporting_to(report):
                outcome = run_trial(fit, plan, objective)
            connection.send(outcome)


def _send_if_room(connection: Connection, progress: TrialProgress) -> None:
    """Sends progress, unless the pipe is full because the parent has not read it."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLOUT)
    if any(event & select.POLLOUT for _, event in poll.poll(0)):
        connection.send(progress)
