"""Writes metrics.jsonl: a line of JSON per epoch, and one per validation in between."""

import json
import math
import os
from pathlib import Path

from ..core.files import open_to_append, read_text, write_text_atomic
from .base import Callback
from .run_state import RunState

FILE = "metrics.jsonl"
BETWEEN = "validations.jsonl"


class MetricsLog(Callback):
    """Appends to `metrics.jsonl` in the run directory after each epoch.

    A line holds `epoch`, `step`, all metrics of the epoch, `learning_rate`,
    `gradient_norm` (before clipping, a mean over updates), `images_per_second`,
    `data_wait_seconds` and `seconds`. Values that are not finite, which JSON lacks, are
    null. Validations within an epoch go to `validations.jsonl`.

    Example:
        >>> log = MetricsLog()
    """

    chief_only = True

    def on_fit_begin(self, run: RunState) -> None:
        """Leaves out epochs that a resumed run will do again, and a torn last line."""
        if run.run_dir is not None:
            _keep(run.run_dir / FILE, "epoch", run.epoch)
            _keep(run.run_dir / BETWEEN, "step", run.validated_step or 0)

    def on_validation_end(self, run: RunState) -> None:
        """Writes a line if the epoch goes on."""
        if run.trained is None:
            values = run.metrics | {"learning_rate": run.learning_rate}
            self._write(run, BETWEEN, run.epoch + 1, values)

    def on_epoch_end(self, run: RunState) -> None:
        """Writes the epoch's line."""
        self._write(run, FILE, run.epoch, run.metrics)

    def _write(
        self, run: RunState, name: str, epoch: int, metrics: dict[str, float]
    ) -> None:
        if run.run_dir is None:
            return
        values = {n: v if math.isfinite(v) else None for n, v in metrics.items()}
        line = json.dumps({"epoch": epoch, "step": run.step, **values})
        with open_to_append(run.run_dir / name) as file:
            file.write(f"{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())  # before the checkpoint that counts on it


def _keep(path: Path, counter: str, last: int) -> None:
    """Leaves out lines that count further than that."""
    if not path.exists():
        return
    lines = read_text(path).splitlines(keepends=True)
    kept = [line for line in lines if _number(line, counter) <= last]
    write_text_atomic(path, "".join(kept))


def _number(line: str, counter: str) -> float:
    try:
        return float(json.loads(line)[counter])
    except ValueError:
        return math.inf
