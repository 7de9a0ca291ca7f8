"""Writes event files for TensorBoard."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Unpack

import tensorflow as tf

from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.monitoring_callbacks import TensorBoardConfig
from ..configs.options import TensorBoardOptions
from ..core.errors import ConfigError
from ..core.files import own_directory
from ..core.run_events import Event
from ..core.run_layout import EVENTS_PART, TENSORBOARD_FOLDER
from ..strategies import workers_of
from ..strategies.tensorflow_internals import summaries_written_to
from .base import Callback
from .board_layout import charts_of, has_samples, write_layout, write_samples
from .event_files import PARTS, event_files, keep_events, remove_events
from .event_list import MOST_EVENTS, event_list
from .hparams import begin_session, end_session, hyperparameters, new_writer
from .memory import memory_gib
from .monitor import Monitor
from .problems import Problems, worker_name
from .profile_window import ProfileWindow
from .run_state import RunState
from .shows_images import ShowsImages
from .summary_descriptions import describe
from .summary_images import write_data_images, write_validation_images
from .tolerance import Tolerance, tolerant, tolerated


class TensorBoard(Callback):
    """Writes event files to the folder `tensorboard` in the run directory.

    Writes metrics of training and validation (with the same names, in two runs, so that
    they share charts), learning rate, gradient norm, speed and memory after each epoch;
    sample images and augmented images at the start; the confusion matrix of the validation
    data and the most confident mistakes after every fifth epoch and the last; settings and
    best values for the HParams dashboard. The horizontal axis counts steps. Images are
    drawn in the background.

    Args:
        **options: Same as `callbacks.tensorboard` in a configuration: `images`, whether to
            write images; `images_every_n_epochs`, the epochs between validation images; and
            `profile_steps`, the first and last step to profile (which slows them down). See
            `docs/settings.md`.

    Example:
        >>> board = TensorBoard(profile_steps=(10, 15))
    """

    chief_only = True
    every_n_steps = None
    runs_last = True  # other callbacks may first request that this epoch is the last

    @takes_settings(CALLBACK_ARGUMENTS["tensorboard"])
    def __init__(self, **options: Unpack[TensorBoardOptions]) -> None:
        config = validated(TensorBoardConfig, "callbacks.tensorboard", **options)
        self.images = config.images
        self.images_every_n_epochs = config.images_every_n_epochs
        self.profile_steps = config.profile_steps
        self.wants_validation_predictions = config.images
        self._writers: dict[str, tf.summary.SummaryWriter] = {}
        self._window: ProfileWindow | None = None
        self._shown_step: int | None = None
        self._events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._problems = Problems()
        self._flags_step = -1
        self._size = 0
        self.tolerance = Tolerance("the TensorBoard files")

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self._shown_step = None
        self._events.clear()
        self._problems = Problems()
        self._flags_step = -1
        self._size = 0
        self.tolerance = Tolerance("the TensorBoard files")

    def steps_until_due(self, step: int) -> int | None:
        """Returns the number of steps until the profiler starts or stops."""
        if self.profile_steps is None:
            return None
        first, last = self.profile_steps
        return next((edge - step for edge in (first - 1, last) if edge > step), None)

    @tolerant
    def on_fit_begin(self, run: RunState) -> None:
        """Writes settings and images; removes what a resumed run will write again."""
        if run.run_dir is not None and run.resumed_from is not None:
            # The values of an epoch are written before the epoch counts as finished.
            done = run.step - run.is_within_epoch
            keep_events(
                run.run_dir / TENSORBOARD_FOLDER,
                lambda event: event.step <= (run.step if has_samples(event) else done),
            )
        elif run.run_dir is not None:  # left by a process that wrote no checkpoint
            for part in PARTS:
                remove_events(run.run_dir / TENSORBOARD_FOLDER / part)
        ranks = range(1, workers_of(run.strategy).count)
        self._problems = Problems(map(worker_name, ranks))
        is_new = run.resumed_from is None
        if is_new and self.images and isinstance(run.data, ShowsImages):
            writer = self._writer(run, "train")
            self._submit(run, write_data_images, writer, run.data, run.step)
        with self._session_writer(run):
            begin_session(_name(run), hyperparameters(run.settings))
            write_layout(charts_of(run))
        if is_new:  # the problems of a resumed run are restored later
            self._write_flags(run, self._problems.flags(), run.step)
        if self.profile_steps is not None and run.run_dir is not None:
            first, last = self.profile_steps
            self._window = ProfileWindow(first, last, run.run_dir / TENSORBOARD_FOLDER)
            self._window.move_to(run.step)

    @tolerant
    def on_train_step_end(self, run: RunState) -> None:
        """Writes the samples of a step; starts and stops the profiler."""
        if run.health.step == run.step:
            with self._writer(run, "train"):
                write_samples(run.health.values, run.step)
        if self._window is not None:
            self._window.move_to(run.step)

    @tolerant
    def on_epoch_end(self, run: RunState) -> None:
        """Writes the epoch's values."""
        for name, value in run.metrics.items():
            part = "validation" if name.startswith("val_") else "train"
            with self._writer(run, part):
                _write(name.removeprefix("val_"), value, run.step)
        with self._writer(run, "train"):
            for name, value in memory_gib().items():
                _write(f"memory_gib/{name}", value, run.step)
            for name, value in run.workers.items():
                _write(name, value, run.step)
        self._write_flags(run, self._problems.flags(), run.step)
        if run.epoch % self.images_every_n_epochs == 0 or run.is_last_epoch:
            self._show_validation(run)
        self._flush()
        self._require_growth(run)

    @tolerant
    def on_event(self, run: RunState, event: Event) -> None:
        """Writes the list of events, so that its newest version shows all of them."""
        if event.kind == "checkpoint":  # shows only the newest; events.jsonl has all
            self._events = _drop_checkpoint_events(self._events)
        self._events.append(event)
        before = self._problems.flags()
        if self._problems.record(event):
            self._write_edges(run, before, event.step)
        text = event_list(self._events, self._problems.standing)
        with self._writer(run, EVENTS_PART):
            tf.summary.text("events", text, step=event.step)
        if run.run_dir is not None:
            self._writers[EVENTS_PART].flush()

    @tolerant
    def on_fit_end(self, run: RunState) -> None:
        """Writes the best values, and closes the files."""
        self._show_validation(run)  # another worker may have ended the fit
        with self._session_writer(run):
            for name, value in _best_values(run.history).items():
                tf.summary.scalar(f"best/{name}", value, step=run.step)
            end_session(is_success=True)
        self._close(run)

    @tolerant
    def on_exception(self, run: RunState, error: BaseException) -> None:
        """Closes the files; records the failure of a run that was not interrupted."""
        if not run.is_interrupted:
            with self._session_writer(run):
                end_session(is_success=False)
        self._close(run)

    def state_dict(self) -> dict[str, Any]:
        """Returns the problems that a resumed run still has."""
        return self._problems.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state of the saved run."""
        self._problems.load_state_dict(state)

    def _show_validation(self, run: RunState) -> None:
        """Draws the latest predictions, unless they have been drawn already."""
        if self.images and run.validation is not None and self._shown_step != run.step:
            self._shown_step = run.step
            writer = self._writer(run, "validation")
            data = run.data
            self._submit(
                run, write_validation_images, writer, run.validation, data, run.step
            )

    def _write_edges(self, run: RunState, before: Mapping[str, float], step: int) -> None:
        """Writes the flags around a change, which begins at this step or ends at the next.

        TensorBoard keeps the last point of a step, and connects points by lines.
        """
        after = self._problems.flags()
        raised = {name: max(flag, after[name]) for name, flag in before.items()}
        self._write_flags(run, before, step - 1)
        self._write_flags(run, raised, step, is_alarm=True)
        if raised != after:
            self._write_flags(run, after, step + 1)

    def _write_flags(
        self,
        run: RunState,
        flags: Mapping[str, float],
        step: int,
        *,
        is_alarm: bool = False,
    ) -> None:
        """Writes the flag of each kind of problem, unless it would hide a later one."""
        if step <= self._flags_step and not is_alarm:
            return
        self._flags_step = step
        with self._writer(run, EVENTS_PART):
            for name, flag in flags.items():
                _write(f"problems/{name}", flag, step)

    def _session_writer(self, run: RunState) -> Any:
        return self._writer(run, "", new_writer)

    def _writer(
        self,
        run: RunState,
        part: str,
        create: Callable[[str], Any] = tf.summary.create_file_writer,
    ) -> Any:
        if run.run_dir is None:
            return tf.summary.create_noop_writer().as_default()
        if part not in self._writers:
            own_directory(run.run_dir / TENSORBOARD_FOLDER)
            self._writers[part] = create(
                str(own_directory(run.run_dir / TENSORBOARD_FOLDER / part))
            )
        return summaries_written_to(self._writers[part])

    def after_failed_write(self) -> None:
        """Continues in new files: nothing after an incomplete record is readable."""
        writers, self._writers = self._writers, {}
        for writer in writers.values():
            with contextlib.suppress(OSError, tf.errors.OpError):
                writer.close()

    def _submit(self, run: RunState, job: Callable[..., Any], *args: Any) -> None:
        run.background.submit(tolerated(self.tolerance, job), *args)

    def _require_growth(self, run: RunState) -> None:
        """Detects a full disk, which TensorFlow does not report.

        Raises:
            OSError: The files did not grow.
        """
        if run.run_dir is None:
            return
        files = event_files(run.run_dir / TENSORBOARD_FOLDER)
        before, self._size = self._size, sum(each.stat().st_size for each in files)
        if self._size <= before:
            raise OSError("its files no longer grow: is the disk full?")

    def _flush(self) -> None:
        for writer in list(self._writers.values()):  # another thread may add a writer
            writer.flush()

    def _close(self, run: RunState) -> None:
        if self._window is not None:
            self._window.close()
            self._window = None
        for writer in self._writers.values():
            self._submit(run, writer.close)
        self._writers = {}


def _write(name: str, value: float, step: int) -> None:
    tf.summary.scalar(name, value, step=step, description=describe(name) or None)


def _drop_checkpoint_events(events: Iterable[Event]) -> deque[Event]:
    return deque((e for e in events if e.kind != "checkpoint"), maxlen=MOST_EVENTS)


def _name(run: RunState) -> str:
    """Returns a unique name: the HParams dashboard merges runs with equal names."""
    return "/".join(run.run_dir.absolute().parts[-2:]) if run.run_dir else ""


def _best_values(history: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Returns the best value of each validation metric whose mode is known."""
    best = {}
    for name, values in history.items():
        measured = [value for value in values if value == value]
        try:
            mode = Monitor(name).mode
        except ConfigError:
            continue
        if name.startswith("val_") and measured:
            best[name] = min(measured) if mode == "min" else max(measured)
    return best
