"""Creates the error for a loss that is not finite, and records the batch."""

from typing import Any

from ...callbacks import RunState
from ...core.errors import DivergedError
from ...core.files import write_json_atomic
from ...core.run_layout import DIVERGED_FILE
from ...core.suggestion import Suggestion
from ...strategies import Position
from ..contracts import NamesBatches


def divergence_error(
    run: RunState, source: Any, batches_per_epoch: int | None
) -> DivergedError:
    """Writes `diverged.json` into the run directory, and returns the error to raise.

    Args:
        run: The run whose last step was not finite and not applied.
        source: The source of the batch.
        batches_per_epoch: Steps per epoch, if known.
    """
    position = Position(run.epoch, run.epoch_step - 1, batches_per_epoch)
    names = source.batch_names(position) if isinstance(source, NamesBatches) else []
    record = {
        "epoch": run.epoch + 1,
        "batch": run.epoch_step,
        "step": run.step,
        "learning_rate": run.learning_rate,
        "images": names,
    }
    where = "look at this batch"
    if run.run_dir is not None:
        write_json_atomic(run.run_dir / DIVERGED_FILE, record)
        where = f"look at the batch, which {run.run_dir / DIVERGED_FILE} names"
    return DivergedError(
        f"The loss and gradients of each step must be finite; those of step {run.step} "
        f"(epoch {run.epoch + 1}, batch {run.epoch_step}) are not, and were not applied. "
        f"Received: learning_rate={run.learning_rate}. Try a smaller learning rate, or "
        f"{where}.",
        Suggestion("Or try", {"optimizer.global_clipnorm": 1.0}, "."),
    )
