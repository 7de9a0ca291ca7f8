"""Writes metrics.jsonl: a line of JSON per epoch."""

import json
import math

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

    def on_epoch_end(self, run: RunState) -> None:
        """Writes the epoch's line."""
        if run.run_dir is None:
            return
        values = {n: v if math.isfinite(v) else None for n, v in run.metrics.items()}
        line = json.dumps({"epoch": run.epoch, "step": run.step, **values})
        with open(run.run_dir / FILE, "a", encoding="utf-8") as file:
            file.write(line + "\n")
