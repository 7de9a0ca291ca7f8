"""The chief of a search on several machines, which distributes trials to workers.

It runs in the process of the oracle and trains nothing itself. All processes share the
directory of the search. The environment determines which of them is the chief (`role`).
"""

import contextlib
import queue
import re
import threading
import time
from collections.abc import Sequence
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import grpc

from ...core.errors import ConfigError, message
from ...core.files import read_text, write_text_atomic
from ...core.removal import remove_file
from ...core.signals import stop_signals
from ...core.strangers import Strangers
from ..progress import TrialProgress, WorkerStatus
from ..trials import DEATHS, Outcome, TrialPlan
from ..tuning.service import (
    METHODS,
    TrialMessage,
    add_service,
    payload_of,
    require_hyperparameters,
    trial_message,
)
from .messages import BUSY, Sender, plan_to_json, read_outcome, read_sender, task_name
from .role import IP, PORT, Role
from .signed_calls import MAX_MESSAGE_BYTES, OnlySigned

SECONDS_OF_SILENCE = 60.0  # after which the trial of a worker is given to another one
SECONDS_TO_LEAVE = 10.0  # for workers to learn that the search is over
_OWNER = re.compile(r"\.owner-of-(?:trial|export)-\d+")
MAX_CALLS = 256  # at a time
_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 60_000),
]


@dataclass
class _HandedTrial:
    """A trial and the worker that runs it.

    The plan is None if a worker reports a trial before the search starts it, which happens
    after a restart of the chief.
    """

    plan: TrialPlan | None = None
    tuner_id: str | None = None
    is_begun: bool = False  # if the worker asks for a trial again, it has died
    deaths: int = 0
    heard_at: float = field(default_factory=time.monotonic)
    since: float = field(default_factory=time.monotonic)  # when the worker started it
    progress: TrialProgress | None = None
    outcome: Outcome | None = None  # received before the plan

    @property
    def is_left(self) -> bool:
        """Whether any worker may take it."""
        silence = time.monotonic() - self.heard_at
        return self.tuner_id is None or silence > SECONDS_OF_SILENCE

    @property
    def status(self) -> WorkerStatus:
        """The status of the worker that runs it."""
        return WorkerStatus(
            self.tuner_id or "",
            self.plan,
            self.progress,
            self.since,
            self.heard_at,
            self.deaths,
        )

    def give(self, tuner_id: str | None) -> None:
        """Assigns the trial to a worker; to None if one leaves, to "" if it is unknown."""
        self.tuner_id, self.is_begun = tuner_id, bool(tuner_id)
        self.heard_at = self.since = time.monotonic()
        self.progress = None
        if self.plan is not None:
            _note_owner(self.plan, tuner_id)


class Chief:
    """Distributes trials to workers on other machines; an executor of a search.

    Args:
        role: The role of this process, with the address to listen at.
        fingerprint: Fingerprint of the settings; workers with another one get no trials.
    """

    def __init__(self, role: Role, fingerprint: str) -> None:
        self._role = role
        self._fingerprint = fingerprint
        self._lock = threading.Lock()
        self._handed: dict[str, _HandedTrial] = {}  # by `task_name`
        self._waiting: set[str] = set()  # workers that asked for a trial in vain
        self._known: set[str] = set()
        self._is_over = False
        self._strangers = Strangers("the chief of the search")
        # Outcomes, and None for each worker that starts to wait.
        self._news: queue.Queue[tuple[int, Outcome] | None] = queue.Queue()
        self._signals = stop_signals()

    def __enter__(self) -> Self:
        only_signed = OnlySigned(self._role.token(), METHODS, self._strangers)
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=4),
            interceptors=[only_signed],
            options=_OPTIONS,
            maximum_concurrent_rpcs=MAX_CALLS,
        )
        add_service(self, self._server)
        try:
            self._server.add_insecure_port(self._role.address)
        except RuntimeError as error:
            raise ConfigError(
                message(
                    f"The chief must be able to listen at its address ({error}).",
                    f"Set {IP} to an address of this machine and {PORT} to a free port.",
                    address=self._role.address,
                )
            ) from None
        self._stop = self._signals.__enter__()
        self._began_at = time.monotonic()
        self._server.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over = not any(exception) and self._stop.received is None
        deadline = time.monotonic() + SECONDS_TO_LEAVE
        while self._is_over and self._known and time.monotonic() < deadline:
            time.sleep(0.1)
        if self._is_over:
            time.sleep(0.2)  # until the last response is sent
        self._server.stop(grace=None).wait()
        self._strangers.report()
        self._signals.__exit__(None, None, None)

    @property
    def has_room(self) -> bool:
        """Whether a worker waits and there is no trial for it."""
        with self._lock:
            return self._lacks_trials()

    @property
    def workers(self) -> Sequence[WorkerStatus]:
        """The last reported status of each worker."""
        with self._lock:
            busy = [each.status for each in self._planned() if each.tuner_id]
            idle = self._known - {each.name for each in busy}
            return busy + [WorkerStatus(name) for name in sorted(idle)]

    def begin(self, plan: TrialPlan) -> None:
        """Accepts a trial, for its owner if it had one, or the next free worker."""
        task = task_name(plan)
        with self._lock:
            if task not in self._handed:
                owner = _noted_owner(plan)
                self._handed[task] = _HandedTrial(tuner_id=owner, heard_at=self._began_at)
            handed = self._handed[task]
            handed.plan = plan
            if handed.outcome is not None:
                self._end(task, handed.outcome)

    def wait(self) -> tuple[int, Outcome] | None:
        """Waits until a trial ends, a signal is received, or a worker wants a trial."""
        while self._stop.received is None:
            with contextlib.suppress(queue.Empty):
                return self._news.get(timeout=0.1)
        return -1, Outcome("interrupted", signal=int(self._stop.received))

    # Called by the service, like the methods of an oracle of Keras Tuner.

    def create_trial(self, tuner_id: str) -> TrialMessage:
        """Assigns a worker its own trial again, an abandoned one, or a new one."""
        sender = read_sender(tuner_id)
        if sender.fingerprint != self._fingerprint:
            return trial_message("INVALID")
        with self._lock:
            if self._is_over:
                self._known.discard(sender.tuner_id)
                return trial_message("STOPPED")
            self._known.add(sender.tuner_id)
            return self._answer(sender.tuner_id)

    def get_trial(self, trial_id: str) -> TrialMessage:
        """Records the progress of a worker, even if an earlier chief assigned the trial."""
        sender = read_sender(trial_id)
        if sender.fingerprint != self._fingerprint:
            return trial_message("INVALID")
        with self._lock:
            self._known.add(sender.tuner_id)
            handed = self._handed.setdefault(sender.task, _HandedTrial())
            handed.heard_at = time.monotonic()
            if not handed.is_begun:
                handed.give(sender.tuner_id)
            handed.progress = sender.progress
            return trial_message("RUNNING")

    def end_trial(self, ended: TrialMessage) -> None:
        """Accepts the outcome of a trial, once, from any worker."""
        sender = read_sender(ended.trial_id)
        outcome = read_outcome(payload_of(ended))
        if outcome.hyperparameters is not None:
            require_hyperparameters(outcome.hyperparameters)
        if sender.fingerprint != self._fingerprint:
            return
        with self._lock:
            if outcome.status == "interrupted":
                self._take_back(sender, outcome)
            else:
                self._end(sender.task, outcome)

    def _answer(self, name: str) -> TrialMessage:
        has_waited = name in self._waiting
        self._waiting.discard(name)
        handed = self._for(name)
        if handed is None or handed.plan is None:
            self._waiting.add(name)
            if not has_waited:
                self._news.put(None)
            return trial_message("IDLE")
        handed.deaths += handed.is_begun
        handed.give(name)
        if self._lacks_trials():  # another worker has waited for this one
            self._news.put(None)
        if handed.deaths == DEATHS:
            reason = f"its worker died, {DEATHS} times"
            self._end(task_name(handed.plan), Outcome("failed", reason=reason))
            return trial_message("IDLE")
        return trial_message("RUNNING", plan_to_json(handed.plan))

    def _take_back(self, sender: Sender, outcome: Outcome) -> None:
        """Takes a trial back from a worker that leaves or found its directory in use."""
        handed = self._handed.setdefault(sender.task, _HandedTrial())
        is_owner = not handed.is_begun or handed.tuner_id == sender.tuner_id
        if outcome.reason != BUSY:
            self._known.discard(sender.tuner_id)
        if is_owner:
            handed.give("" if outcome.reason == BUSY else None)

    def _end(self, task: str, outcome: Outcome) -> None:
        handed = self._handed.setdefault(task, _HandedTrial())
        if handed.plan is None:  # it is already over, or the search will start it
            handed.outcome = handed.outcome or outcome
            return
        del self._handed[task]
        _note_owner(handed.plan, None)
        self._news.put((handed.plan.number, outcome))

    def _lacks_trials(self) -> bool:
        left = [each for each in self._planned() if each.is_left]
        own = {each.tuner_id for each in self._planned() if not each.is_left}
        return len(self._waiting - own) > len(left)

    def _planned(self) -> list[_HandedTrial]:
        return [each for each in self._handed.values() if each.plan is not None]

    def _for(self, tuner_id: str) -> _HandedTrial | None:
        planned = self._planned()
        own = [each for each in planned if each.tuner_id == tuner_id]
        left = [each for each in planned if each.is_left]
        return next(iter(own + left), None)


def _owner_file(plan: TrialPlan) -> Path:
    return plan.directory.with_name(f".owner-of-{task_name(plan)}")


def _noted_owner(plan: TrialPlan) -> str | None:
    """Returns the worker that an earlier chief assigned the trial to, or None."""
    file = _owner_file(plan)
    return read_text(file) if file.exists() else None


def _note_owner(plan: TrialPlan, tuner_id: str | None) -> None:
    with contextlib.suppress(OSError):  # the journal reports a full disk
        if tuner_id is None:
            file = _owner_file(plan)
            remove_file(file.parent, file.name, _OWNER)
        else:
            write_text_atomic(_owner_file(plan), tuner_id)
