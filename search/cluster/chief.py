"""The chief of a search on several machines, which distributes trials to workers.

It runs in the process of the oracle and trains nothing itself. All processes share the
directory of the search. The environment determines which of them is the chief (`role`).
"""

import contextlib
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent import futures
from typing import Any, Self

import grpc

from ...core.errors import ConfigError, message
from ...core.rejections import RejectionCounter
from ...core.signals import stop_signals
from ..progress import WorkerStatus
from ..trials import DEATHS, Outcome, TrialPlan
from ..tuning.service import (
    METHODS,
    TrialMessage,
    add_service,
    payload_of,
    require_hyperparameters,
    trial_message,
)
from .handed_trial import HandedTrial, note_owner, noted_owner
from .messages import (
    BUSY,
    Sender,
    fingerprint_of,
    plan_to_json,
    read_outcome,
    read_sender,
    settings_to_json,
    task_name,
)
from .role import IP, PORT, Role
from .signed_calls import MAX_MESSAGE_BYTES, OnlySigned

SECONDS_TO_LEAVE = 10.0  # for workers to learn that the search is over
MAX_CALLS = 256  # at a time
_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 60_000),
]


class Chief:
    """Distributes trials to workers on other machines; an executor of a search.

    Args:
        role: The role of this process, with the address to listen at.
        settings: The settings of the search, by dotted name; workers with others get no
            trials, but are sent these settings.
    """

    def __init__(self, role: Role, settings: Mapping[str, Any]) -> None:
        self._role = role
        self._settings = settings
        self._fingerprint = fingerprint_of(settings)
        self._lock = threading.Lock()
        self._handed: dict[str, HandedTrial] = {}  # by `task_name`
        self._waiting: set[str] = set()  # workers that asked for a trial in vain
        self._known: set[str] = set()
        self._is_over = False
        self._rejections = RejectionCounter("the chief of the search")
        # Outcomes, and None for each worker that starts to wait.
        self._news: queue.Queue[tuple[int, Outcome] | None] = queue.Queue()
        self._signals = stop_signals()

    def __enter__(self) -> Self:
        only_signed = OnlySigned(self._role.token(), METHODS, self._rejections)
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
        self._rejections.report()
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
                owner = noted_owner(plan)
                self._handed[task] = HandedTrial(tuner_id=owner, heard_at=self._began_at)
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
            return trial_message("INVALID", settings_to_json(self._settings))
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
            handed = self._handed.setdefault(sender.task, HandedTrial())
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
        handed = self._handed.setdefault(sender.task, HandedTrial())
        is_owner = not handed.is_begun or handed.tuner_id == sender.tuner_id
        if outcome.reason != BUSY:
            self._known.discard(sender.tuner_id)
        if is_owner:
            handed.give("" if outcome.reason == BUSY else None)

    def _end(self, task: str, outcome: Outcome) -> None:
        handed = self._handed.setdefault(task, HandedTrial())
        if handed.plan is None:  # it is already over, or the search will start it
            handed.outcome = handed.outcome or outcome
            return
        del self._handed[task]
        note_owner(handed.plan, None)
        self._news.put((handed.plan.number, outcome))

    def _lacks_trials(self) -> bool:
        left = [each for each in self._planned() if each.is_left]
        own = {each.tuner_id for each in self._planned() if not each.is_left}
        return len(self._waiting - own) > len(left)

    def _planned(self) -> list[HandedTrial]:
        return [each for each in self._handed.values() if each.plan is not None]

    def _for(self, tuner_id: str) -> HandedTrial | None:
        planned = self._planned()
        own = [each for each in planned if each.tuner_id == tuner_id]
        left = [each for each in planned if each.is_left]
        return next(iter(own + left), None)
