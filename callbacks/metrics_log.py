"""Writes metrics.jsonl: a line of JSON per epoch, and one per validation in between."""

import json
import math
from pathlib import Path
from typing import Any

from ..core.checked_files import append_checked_line, is_damaged, write_checked_text
from ..core.console import notify
from ..core.run_layout import METRICS_FILE, VALIDATIONS_FILE
from .base import Callback
from .health_record import SAMPLED
from .run_state import RunState


class MetricsLog(Callback):
    """Appends to `metrics.jsonl` in the run directory after each epoch.

    A line contains `epoch`, `step`, all metrics of the epoch, `learning_rate`,
    `gradient_norm` (before clipping, the mean over updates), `images_per_second` (for other
    data `examples_per_second`), `data_wait_seconds` and `seconds`; and with the prefix
    `health/` the means over the sampled steps. Values that are not finite are null.
    Validations within an epoch go to `validations.jsonl`.

    Example:
        >>> log = MetricsLog()
    """

    chief_only = True

    def on_fit_begin(self, run: RunState) -> None:
        """Removes epochs that a resumed run will repeat, and repairs damaged lines.

        The history in the checkpoint contains the correct values.
        """
        if run.run_dir is not None:
            _repair(run.run_dir / METRICS_FILE, run)
            _truncate_validations(run.run_dir / VALIDATIONS_FILE, run.validated_step or 0)

    def on_validation_end(self, run: RunState) -> None:
        """Writes the values of a validation within an epoch."""
        if run.training_metrics is None:
            values = run.metrics | {"learning_rate": run.learning_rate}
            self._write(run, VALIDATIONS_FILE, run.epoch + 1, values)

    def on_epoch_end(self, run: RunState) -> None:
        """Writes the values of the epoch."""
        sampled = {SAMPLED + name: value for name, value in run.health.means().items()}
        self._write(run, METRICS_FILE, run.epoch, run.metrics | sampled | run.workers)

    def _write(
        self, run: RunState, name: str, epoch: int, metrics: dict[str, float]
    ) -> None:
        if run.run_dir is None:
            return
        line = json.dumps({"epoch": epoch, "step": run.step, **_finite(metrics)})
        append_checked_line(run.run_dir / name, line)


def _repair(path: Path, run: RunState) -> None:
    """Keeps one line per finished epoch, and replaces lines that contradict the history."""
    if not path.exists() and run.epoch == 0:
        return
    is_whole = not is_damaged(path)
    found = dict(_read_lines(path))
    lines = [found.get(epoch, "") for epoch in range(1, run.epoch + 1)]
    repaired = [
        line
        if _matches_history(line, epoch, run, is_whole)
        else _line_from_history(epoch, run)
        for epoch, line in enumerate(lines, 1)
    ]
    if not is_whole or repaired != list(found.values()):
        write_checked_text(path, "".join(f"{line}\n" for line in repaired))
    if repaired != lines:
        notify(f"{path} was damaged: restored from {run.resumed_from}")


def _read_lines(path: Path) -> list[tuple[int, str]]:
    """Returns the readable lines with their epochs."""
    if not path.exists():
        return []
    text = path.read_bytes().decode(errors="replace")
    numbered = ((_number(line, "epoch"), line) for line in text.splitlines())
    return [(int(number), line) for number, line in numbered if number != math.inf]


def _matches_history(line: str, epoch: int, run: RunState, is_whole: bool) -> bool:
    """Returns whether a line agrees with the history, which does not contain steps."""
    values = _parsed(line)
    expected = _finite({name: each[epoch - 1] for name, each in run.history.items()})
    return (
        all(values.get(name) == value for name, value in expected.items())
        and isinstance(values.get("step"), int)
        and (is_whole or values["step"] == _step_after(epoch, run))
    )


def _line_from_history(epoch: int, run: RunState) -> str:
    values = {name: each[epoch - 1] for name, each in run.history.items()}
    position = {"epoch": epoch, "step": _step_after(epoch, run)}
    return json.dumps(position | _finite(values))


def _step_after(epoch: int, run: RunState) -> int:
    """Returns the step at which an epoch ended if all epochs have equally many steps."""
    return (run.step - run.epoch_step) * epoch // run.epoch


def _truncate_validations(path: Path, last_step: int) -> None:
    """Keeps the validations up to a step, without unreadable lines."""
    if not path.exists():
        return
    if is_damaged(path):
        notify(f"{path} is damaged: lines that can't be read are left out")
    lines = path.read_bytes().decode(errors="replace").splitlines()
    kept = [f"{line}\n" for line in lines if _number(line, "step") <= last_step]
    write_checked_text(path, "".join(kept))


def _number(line: str, counter: str) -> float:
    value = _parsed(line).get(counter)
    return value if isinstance(value, int) else math.inf


def _parsed(line: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _finite(metrics: dict[str, float]) -> dict[str, float | None]:
    """Replaces NaN and infinity, which JSON lacks, with None."""
    return {n: v if math.isfinite(v) else None for n, v in metrics.items()}
