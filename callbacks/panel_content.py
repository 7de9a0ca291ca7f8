"""Creates the progress panel from the state of a run."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from ..core.run_layout import FOLD
from .monitor import Monitor
from .panel import MetricRow, Panel
from .run_state import RunState

_VALIDATION = "val_"


def panel_of(
    run: RunState,
    values: Mapping[str, float],
    activity: str = "",
    seconds_left: float | None = None,
    is_epoch_over: bool = False,
) -> Panel:
    """Returns the panel of a fit.

    Args:
        run: The state of the run.
        values: The newest training metrics by name.
        activity: The speed, or the current activity if it is not training.
        seconds_left: Seconds until the fit ends, or None if unknown.
        is_epoch_over: Whether an epoch has just ended, so that `run.epoch` includes it.
    """
    monitor = run.monitor or Monitor("val_loss" if run.has_validation else "loss")
    return Panel(
        title=_title(run, run.epoch if is_epoch_over else run.epoch + 1),
        done=run.steps_per_epoch or 0 if is_epoch_over else run.epoch_step,
        total=run.steps_per_epoch,
        activity=activity,
        time_left=_time_left(seconds_left),
        metrics=list(_metrics(run, values, monitor)),
        remark=f"{_best(run, monitor)}learning rate {run.learning_rate:.3g}",
    )


def _title(run: RunState, epoch: int) -> str:
    name = run.run_dir.name if run.run_dir else ""
    fold = name.replace("-", " ") if FOLD.fullmatch(name) else ""
    phase = f"phase {len(run.phases) + 1}" if run.phases else ""
    return ", ".join(filter(None, (fold, phase, f"epoch {epoch}/{run.max_epochs}")))


def _time_left(seconds: float | None) -> str:
    return f"ETA {timedelta(seconds=round(seconds))}" if seconds else ""


def _metrics(
    run: RunState, values: Mapping[str, float], monitor: Monitor
) -> Iterator[MetricRow]:
    """Yields rows for the loss, the monitored metric, and all others, in this order."""
    validated = [
        n.removeprefix(_VALIDATION) for n in run.history if n.startswith(_VALIDATION)
    ]
    monitored = monitor.name.removeprefix(_VALIDATION)
    known = dict.fromkeys((*values, *validated))
    for name in dict.fromkeys((*(n for n in ("loss", monitored) if n in known), *known)):
        training = run.history.get(name, [])
        validation = run.history.get(f"{_VALIDATION}{name}", [])
        yield MetricRow(name, values.get(name), training, _newest(validation), validation)


def _newest(values: list[float]) -> float | None:
    """Returns the last value that is not NaN: epochs without validation have none."""
    return next((value for value in reversed(values) if value == value), None)


def _best(run: RunState, monitor: Monitor) -> str:
    best = monitor.best(run.history.get(monitor.name, []))
    return "" if best is None else f"best {monitor.name} {best[1]:.4g} in epoch {best[0]}, "
