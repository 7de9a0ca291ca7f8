"""Writes metrics.jsonl: a line of JSON per epoch."""

import json
import math
import os

from ..core.files import write_text_atomic
from .base import Callback
from .run_state import RunState

FILE = "metrics.jsonl"


class MetricsLog(Callback):
    """Appends to `metrics.jsonl` in the run directory after each epoch.

    A line holds `epoch`, `step`, all metrics of the epoch, `learning_rate`,
    `images_per_second`, `data_wait_seconds` and `seconds`. Values that are not finite,
    which JSON lacks, are null.

    Example:
        >>> log = MetricsLog()
    """

    chief_only = True

    def on_fit_begin(self, run: RunState) -> None:
        """Leaves out epochs that a resumed run will do again, and a torn last line."""
        if run.run_dir is None or not (run.run_dir / FILE).exists():
            return
        lines = (run.run_dir / FILE).read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if _epoch(line) <= run.epoch]
        write_text_atomic(run.run_dir / FILE, "".join(kept))

    def on_epoch_end(self, run: RunState) -> None:
        """Writes the epoch's line."""
        if run.run_dir is None:
            return
        values = {n: v if math.isfinite(v) else None for n, v in run.metrics.items()}
        line = json.dumps({"epoch": run.epoch, "step": run.step, **values})
        with open(run.run_dir / FILE, "a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())  # before the checkpoint that counts on it


def _epoch(line: str) -> float:
    try:
        return float(json.loads(line)["epoch"])
    except ValueError:
        return math.inf
