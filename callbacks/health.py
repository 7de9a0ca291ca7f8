"""Samples training steps and reports problems that they show."""

from collections.abc import Iterable
from typing import Any, Unpack

from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.monitoring_callbacks import HealthConfig
from ..configs.options import HealthOptions
from .base import Callback
from .health_findings import Finding, find, waiting
from .health_record import HealthRecord
from .run_state import RunState


class Health(Callback):
    """Samples every 50th step (by default) and reports problems.

    For such a step, `RunState.health` contains the seconds spent waiting for data and
    computing on the devices, the share of the latter spent on all-reduce, the learning
    rate, the loss scale, the peak memory of GPUs and, for each block of the model, the
    gradient norm and the update/weight ratio. TensorBoard shows each sample, and
    `metrics.jsonl` the mean over an epoch. Sampling does not change the results.

    A problem in the median of the last five samples is reported as an event of the kind
    `health`, and its end as `recovered`.

    Args:
        **options: Same as `callbacks.health` in a configuration: `every_n_steps`. See
            `docs/settings.md`.

    Example:
        >>> health = Health(every_n_steps=10)
    """

    chief_only = True
    writes_alone = "samples of steps"
    every_n_steps = None

    @takes_settings(CALLBACK_ARGUMENTS["health"])
    def __init__(self, **options: Unpack[HealthOptions]) -> None:
        config = validated(HealthConfig, "callbacks.health", **options)
        self.samples_every_n_steps = config.every_n_steps
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self._record = HealthRecord()
        self._standing: set[str] = set()

    def on_fit_begin(self, run: RunState) -> None:
        """Starts recording samples."""
        run.health = self._record

    def on_epoch_begin(self, run: RunState) -> None:
        """Restarts the means for the epoch."""
        self._record.start_epoch()

    def on_phase_begin(self, run: RunState) -> None:
        """Clears the last samples, which are of other variables."""
        self._record.forget_newest()
        self._standing.clear()

    def on_train_step_end(self, run: RunState) -> None:
        """Evaluates the last samples if there is a new one."""
        if self._record.step == run.step:
            self._report(run, find(self._record.medians(), run.trains_on_features))

    def on_epoch_end(self, run: RunState) -> None:
        """Evaluates the time spent waiting for data if there are too few samples."""
        if not self._record.medians() and run.metrics.get("seconds"):
            waited = run.metrics["data_wait_seconds"] / run.metrics["seconds"]
            self._report(run, [waiting(waited, on_features=run.trains_on_features)])

    def state_dict(self) -> dict[str, Any]:
        """Returns the samples of the epoch, the last samples, and the current findings."""
        return {**self._record.state_dict(), "standing": sorted(self._standing)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state of the saved run."""
        self._record.load_state_dict(state)
        self._standing = set(state["standing"])

    def _report(self, run: RunState, findings: Iterable[Finding]) -> None:
        """Reports findings that have started or ended."""
        for finding in findings:
            was_active = finding.key in self._standing
            is_active = finding.is_active(was_active)
            if is_active and not was_active:
                self._standing.add(finding.key)
                run.report("health", finding.text, finding.key)
            elif was_active and not is_active:
                self._standing.discard(finding.key)
                run.report("recovered", finding.over, finding.key)
