"""Trials on several machines: Keras Tuner's chief and workers, and their gRPC service.

The environment says who a process is, as Keras Tuner has it. The chief holds the oracle
and runs no trial; workers ask it for one after another. All see the search's directory.
What a trial is to do, and what came of it, travels as JSON in the values of Keras Tuner's
own message, whose numbers have half the digits.
"""

import contextlib
import queue
import threading
import time
from concurrent import futures
from dataclasses import dataclass, field
from typing import Self

import grpc
import keras_tuner
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer
from keras_tuner.src.engine.trial import Trial as Message

from ..core.errors import ConfigError, message
from ..core.signals import stop_signals
from .cluster_messages import plan_to_json, read_outcome
from .place import IP, PORT, Place
from .trials import DEATHS, Outcome, TrialPlan

SECONDS_OF_SILENCE = 60.0  # of a worker with a trial, after which another one gets it
SECONDS_TO_LEAVE = 10.0  # for workers to hear that the search is over
PAYLOAD = "keraunos"  # the name of the value that holds the JSON


@dataclass
class _Handed:
    plan: TrialPlan
    tuner_id: str | None = None
    deaths: int = 0
    heard_at: float = field(default_factory=time.monotonic)

    @property
    def is_silent(self) -> bool:
        return time.monotonic() - self.heard_at > SECONDS_OF_SILENCE


class Chief:
    """Hands trials out to workers on other machines; an executor of a search.

    Args:
        place: Where to answer.
        fingerprint: Of what decides the trials, which workers compare with theirs.
    """

    def __init__(self, place: Place, fingerprint: str) -> None:
        self._place = place
        self._fingerprint = fingerprint
        self._lock = threading.Lock()
        self._handed: dict[int, _Handed] = {}
        self._waiting: set[str] = set()  # workers that asked and got nothing
        self._known: set[str] = set()
        self._is_over = False
        # Outcomes, and None for each worker that has begun to wait.
        self._news: queue.Queue[tuple[int, Outcome] | None] = queue.Queue()
        self._signals = stop_signals()

    def __enter__(self) -> Self:
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
        protos.get_service_grpc().add_OracleServicer_to_server(
            OracleServicer(self), self._server
        )
        try:
            self._server.add_insecure_port(self._place.address)
        except RuntimeError as error:
            raise ConfigError(
                message(
                    f"The chief must be able to answer at its address ({error}).",
                    f"Set {IP} to an address of this machine and {PORT} to a free port.",
                    address=self._place.address,
                )
            ) from None
        self._stop = self._signals.__enter__()
        self._server.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over = not any(exception) and self._stop.received is None
        deadline = time.monotonic() + SECONDS_TO_LEAVE
        while self._is_over and self._known and time.monotonic() < deadline:
            time.sleep(0.1)
        if self._is_over:
            time.sleep(0.2)  # the last answer is on its way
        self._server.stop(grace=None).wait()
        self._signals.__exit__(None, None, None)

    @property
    def has_room(self) -> bool:
        """Whether a worker waits for a trial for which there is none."""
        with self._lock:
            free = [each for each in self._handed.values() if each.tuner_id is None]
            return len(self._waiting) > len(free)

    def begin(self, plan: TrialPlan) -> None:
        """Takes a trial on, for the next worker that asks."""
        with self._lock:
            self._handed[plan.number] = _Handed(plan)

    def wait(self) -> tuple[int, Outcome] | None:
        """Waits until a trial has ended, a signal has come, or a worker wants a trial."""
        while self._stop.received is None:
            with contextlib.suppress(queue.Empty):
                return self._news.get(timeout=0.1)
        return -1, Outcome("interrupted", signal=int(self._stop.received))

    # What the service calls, as it would call an oracle of Keras Tuner.

    def create_trial(self, tuner_id: str) -> Message:
        """What a worker is to do: its own trial again, one that was left, or a new one."""
        with self._lock:
            has_waited = tuner_id in self._waiting
            self._waiting.discard(tuner_id)
            self._known.add(tuner_id)
            if self._is_over:
                self._known.discard(tuner_id)
                return _message("STOPPED")
            handed = self._for(tuner_id)
            if handed is None:
                self._waiting.add(tuner_id)
                if not has_waited:
                    self._news.put(None)
                return _message("IDLE")
            handed.deaths += handed.tuner_id is not None
            handed.tuner_id, handed.heard_at = tuner_id, time.monotonic()
            if handed.deaths == DEATHS:
                reason = f"its worker died, {DEATHS} times"
                self._end(handed.plan.number, Outcome("failed", reason=reason))
                return _message("IDLE")
            return _message("RUNNING", plan_to_json(handed.plan, self._fingerprint))

    def get_trial(self, trial_id: str) -> Message:
        """Hears that a worker is at it, and says whether it still is to be."""
        with self._lock:
            handed = self._handed.get(int(trial_id))
            if handed is None:
                return _message("STOPPED")
            handed.heard_at = time.monotonic()
            return _message("RUNNING")

    def end_trial(self, told: Message) -> None:
        """Takes what came of a trial, from whoever has it, once."""
        outcome = read_outcome(told.hyperparameters.values[PAYLOAD])
        number = int(told.trial_id)
        with self._lock:
            if outcome.status != "interrupted":
                self._end(number, outcome)
            elif number in self._handed:  # its worker leaves, and another goes on
                self._known.discard(str(self._handed[number].tuner_id))
                self._handed[number].tuner_id = None

    def _end(self, number: int, outcome: Outcome) -> None:
        if self._handed.pop(number, None) is not None:
            self._news.put((number, outcome))

    def _for(self, tuner_id: str) -> _Handed | None:
        handed = list(self._handed.values())
        own = [each for each in handed if each.tuner_id == tuner_id]
        left = [each for each in handed if each.tuner_id is None or each.is_silent]
        return next(iter(own + left), None)


def _message(status: str, payload: str = "") -> Message:
    values = keras_tuner.HyperParameters()
    values.values = {PAYLOAD: payload}
    return Message(values, trial_id="", status=status)
