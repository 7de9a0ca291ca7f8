"""Runs trials in worker processes, several at a time.

Workers are started once and get one trial after another over a pipe. One that dies is
replaced, and its trial goes on from its own run directory.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pickle import PicklingError
from typing import Self

from ...core.errors import ConfigError, message
from ...core.processes import how_it_ended
from ...core.signals import stop_signals
from ..trials import DEATHS, FitTrial, Outcome, TrialPlan, garbage_of_trials_only, run_trial

SECONDS_TO_END = 60.0  # what a worker may take to save its trial
READY = "ready"  # what a worker says first


@dataclass
class _Worker:
    process: SpawnProcess
    connection: Connection
    plan: TrialPlan | None = None
    deaths: int = 0
    is_ready: bool = False


class WorkerProcesses:
    """Runs trials in processes of their own.

    Args:
        fit: Trains as planned; is sent to the processes.
        objective: Name of the metric that is the score.
        environments: The variables of each process, such as the devices it sees.
    """

    def __init__(
        self, fit: FitTrial, objective: str, environments: Sequence[Mapping[str, str]]
    ) -> None:
        self._fit = fit
        self._objective = objective
        self._environments = environments
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
        """Whether another trial can begin."""
        busy = [worker for worker in self._workers.values() if worker.plan is not None]
        return len(busy) < len(self._environments)

    def begin(self, plan: TrialPlan) -> None:
        """Sends a trial to a process that has none."""
        slot = next(
            slot
            for slot in range(len(self._environments))
            if slot not in self._workers or self._workers[slot].plan is None
        )
        self._send(slot, plan)

    def wait(self) -> tuple[int, Outcome]:
        """Waits until a trial has ended, or a signal has come.

        Returns:
            The trial's number, and what came out.
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
        with contextlib.suppress(OSError):  # it has just died, as `wait` will see
            worker.connection.send(plan)

    def _start(self, slot: int) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_serve,
            args=(theirs, self._fit, self._objective),
            name=f"keraunos-trials-{slot}",
            daemon=True,
        )
        with _environment(self._environments[slot]):
            try:
                process.start()
            except (AttributeError, TypeError, PicklingError) as error:
                raise ConfigError(
                    message(
                        f"What goes to other processes must be importable ({error}).",
                        "Give functions that are defined at the top of a module, and "
                        "data as such a function; or leave parallel_trials at 1.",
                        parallel_trials=len(self._environments),
                    )
                ) from None
        theirs.close()
        return _Worker(process, ours)

    def _receive(self, slot: int) -> tuple[int, Outcome] | None:
        worker = self._workers[slot]
        plan = worker.plan
        if plan is None:
            raise RuntimeError("a worker without a trial has nothing to say")
        try:
            if not worker.is_ready:
                worker.is_ready = worker.connection.recv() == READY
                return None
            outcome = worker.connection.recv()
        except (EOFError, OSError):
            _require_a_signal(worker)
            return self._replace(slot, worker, plan)
        if outcome.status == "interrupted" and self._stop.received is None:
            return self._replace(slot, worker, plan)  # somebody stopped it alone
        worker.plan = None
        return plan.number, outcome

    def _replace(
        self, slot: int, worker: _Worker, plan: TrialPlan
    ) -> tuple[int, Outcome] | None:
        """Lets another process go on with the trial of one that died."""
        _end(worker.process)
        del self._workers[slot]
        deaths = worker.deaths + 1
        if deaths == DEATHS:
            how = how_it_ended(worker.process.exitcode)
            return plan.number, Outcome(
                "failed", reason=f"its process {how}, {DEATHS} times"
            )
        if self._stop.received is None:
            self._send(slot, plan, deaths)
        return None

    def _end_all(self) -> None:
        """Leaves no process behind; those with a trial save it first."""
        number = self._stop.received or signal.SIGTERM
        for worker in self._workers.values():
            if worker.plan is not None and worker.process.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.process.pid, number)
            worker.connection.close()
        deadline = time.monotonic() + SECONDS_TO_END
        for worker in self._workers.values():
            worker.process.join(max(deadline - time.monotonic(), 0))
            _end(worker.process)
        self._workers.clear()


def _require_a_signal(worker: _Worker) -> None:
    """Refuses to try again what ended by itself before it could take a trial."""
    worker.process.join(SECONDS_TO_END)
    code = worker.process.exitcode
    if worker.is_ready or code is None or code < 0:
        return
    raise ConfigError(
        message(
            "A process for trials must be able to import the program that starts it.",
            'Put the calls of a script below `if __name__ == "__main__":`; the error of '
            "the process is above.",
            process=how_it_ended(code),
        )
    )


def _serve(connection: Connection, fit: FitTrial, objective: str) -> None:
    """Runs the trials that come; ends when the other end of the pipe closes."""
    os.setsid()  # Ctrl-C reaches the parent alone, which hands it on once
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError), garbage_of_trials_only():
        connection.send(READY)
        while True:
            connection.send(run_trial(fit, connection.recv(), objective))


def _end_with_parent() -> None:
    """Stops this process when its parent is gone; a trial is saved first."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SECONDS_TO_END)
        os._exit(128 + signal.SIGTERM)


def _end(process: SpawnProcess) -> None:
    process.kill()
    process.join()


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
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
