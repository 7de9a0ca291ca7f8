"""The current activity of the training loop, for threads that watch it."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Literal, NamedTuple

Phase = Literal["preparing", "training", "validating", "saving", "between epochs", "ending"]

_LIBRARIES = ("site-packages", "/lib/python3", "<frozen")
_PYTHON_OPS = "script_ops.py"  # the module of TensorFlow from which tf.data calls Python


class ActivitySnapshot(NamedTuple):
    """A snapshot of what the loop was doing.

    Attributes:
        phase: The activity.
        step: Number of finished steps.
        step_time: When the last step finished, in seconds since 1970.
        seconds: Seconds since then.
    """

    phase: Phase
    step: int
    step_time: float
    seconds: float


class Activity:
    """The current activity of the loop: written by the loop, read by other threads.

    Attributes:
        phase: The activity.
        since: When the activity began, by `time.monotonic`.
        step: Number of finished steps.
        step_at: When the last step finished, by `time.monotonic`; before the first step,
            when the fit began.
        step_time: The same in seconds since 1970.
        input_wait_share: Fraction of the last sampled step that was spent waiting for data,
            or None.
        position: Returns the number of steps that the device has finished and whether it
            waits for the data of the next one, or None if this is unknown.

    Example:
        >>> activity = Activity()
        >>> with activity.doing("training"):
        ...     activity.phase
        'training'
    """

    def __init__(self) -> None:
        self.phase: Phase = "preparing"
        self.input_wait_share: float | None = None
        self.position: Callable[[], tuple[int, bool] | None] = lambda: None
        self._thread = threading.get_ident()
        self.begin(0)

    def begin(self, step: int) -> None:
        """Records that a fit starts in this thread."""
        self._thread = threading.get_ident()
        self.since = time.monotonic()
        self.step_done(step)

    def step_done(self, step: int) -> None:
        """Records the number of finished steps."""
        self.step, self.step_at, self.step_time = step, time.monotonic(), time.time()

    @contextlib.contextmanager
    def doing(self, phase: Phase) -> Iterator[None]:
        """Sets the activity for the duration of the context."""
        before = self.phase
        self.phase, self.since = phase, time.monotonic()
        try:
            yield
        finally:
            self.phase, self.since = before, time.monotonic()

    def snapshot(self) -> ActivitySnapshot:
        """Returns a snapshot, also during a call to the device.

        A step within a call counts as finished when a snapshot first observes it.
        """
        found = self.position() if self.phase == "training" else None
        if found is not None and found[0] > self.step:
            self.step_done(found[0])
        return ActivitySnapshot(
            self.phase, self.step, self.step_time, time.monotonic() - self.step_at
        )

    def status(self) -> list[Any]:
        """Returns the status to send to other workers.

        A list of the number of finished steps, the phase, whether the next step waits for
        data, and `input_wait_share`.
        """
        moment = self.snapshot()
        return [moment.step, moment.phase, self.waits_for_data(), self.input_wait_share]

    def waits_for_data(self) -> bool:
        """Returns whether the next step waits for its data."""
        found = self.position() if self.phase == "training" else None
        return found is not None and found[1]

    def where(self) -> str:
        """Describes where the loop is, for a run that hangs.

        Example:
            >>> Activity().where()
            'preparing'
        """
        if self.phase != "training":
            return self.phase
        own = _user_code(sys._current_frames().get(self._thread))
        if own:
            return f"in Python ({own})"
        if self.waits_for_data():
            python = _pipeline_location()
            return "waiting for data" + (f" ({python})" if python else "")
        return "in the step"


def _pipeline_location() -> str:
    """Returns the line of Python that the data pipeline executes; empty if none."""
    for frame in sys._current_frames().values():
        if any(each.f_code.co_filename.endswith(_PYTHON_OPS) for each in _stack(frame)):
            found = _innermost(frame)
            return _describe_frame(found) if found else ""
    return ""


def _user_code(frame: FrameType | None) -> str:
    """Returns the line of user code that a thread executes; empty in this package."""
    found = _innermost(frame)
    return _describe_frame(found) if found and not _is_ours(found) else ""


def _innermost(frame: FrameType | None) -> FrameType | None:
    """Returns the innermost frame that belongs to Keraunos or to no library."""
    for each in _stack(frame):
        is_of_library = any(part in each.f_code.co_filename for part in _LIBRARIES)
        if not is_of_library or _is_ours(each):
            return each
    return None


def _is_ours(frame: FrameType) -> bool:
    own = Path(__file__).resolve().parents[1]
    return Path(frame.f_code.co_filename).resolve().is_relative_to(own)


def _describe_frame(frame: FrameType) -> str:
    code = frame.f_code
    return f"{Path(code.co_filename).name}:{frame.f_lineno}, {code.co_name}"


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    """Yields frames from the innermost outwards."""
    while frame is not None:
        yield frame
        frame = frame.f_back
