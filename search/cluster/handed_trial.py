"""A trial that the chief of a search has handed to a worker, and the file that says so."""

import contextlib
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from ...core.files import read_text, write_text_atomic
from ...core.removal import remove_file
from ..progress import TrialProgress, WorkerStatus
from ..trials import Outcome, TrialPlan
from .messages import task_name

SECONDS_OF_SILENCE = 60.0  # after which the trial of a worker is given to another one
_OWNER = re.compile(r"\.owner-of-(?:trial|export)-\d+")


@dataclass
class HandedTrial:
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
            note_owner(self.plan, tuner_id)


def _owner_file(plan: TrialPlan) -> Path:
    return plan.directory.with_name(f".owner-of-{task_name(plan)}")


def noted_owner(plan: TrialPlan) -> str | None:
    """Returns the worker that an earlier chief assigned the trial to, or None."""
    file = _owner_file(plan)
    return read_text(file) if file.exists() else None


def note_owner(plan: TrialPlan, tuner_id: str | None) -> None:
    """Writes down the worker of a trial for a later chief; None if it has none."""
    with contextlib.suppress(OSError):  # the journal reports a full disk
        if tuner_id is None:
            file = _owner_file(plan)
            remove_file(file.parent, file.name, _OWNER)
        else:
            write_text_atomic(_owner_file(plan), tuner_id)
