"""Reports events of the loop, such as saved checkpoints and the end of a fit."""

from pathlib import Path

from ...callbacks import RunState
from ...core.counted import counted
from ...core.errors import DivergedError, WorkerError
from ...core.restarts import restarts_so_far
from ...strategies import workers_of
from ..checkpoint.resume import Resumption
from ..contracts import BatchSource
from ..guards.unseeded_shuffles import lost_order
from .interruption import Interrupted


def report_resumed(run: RunState, resumption: Resumption, source: BatchSource) -> None:
    """Reports that the run resumes, perhaps because `keraunos launch` restarted it."""
    restarts, reason = restarts_so_far()
    if restarts:
        so_far = f"{counted(restarts, 'restart')} so far"
        run.report("worker_restarted", f"all workers were restarted ({so_far}): {reason}")
    changed = [f"changed setting: {change.line}" for change in resumption.changes]
    remarks = [*resumption.skipped, *changed, lost_order(source, run)]
    added = "".join(f"; {remark}" for remark in remarks if remark)
    run.report("resumed", f"from {resumption.path.name}, after epoch {run.epoch}{added}")


def report_learning_rate(run: RunState) -> None:
    """Reports that a callback has changed the learning rate."""
    before = run.history.get("learning_rate", [])
    if before and not run.is_within_epoch and run.has_fixed_learning_rate:
        now = run.learning_rate
        if now != before[-1]:
            run.report("learning_rate", f"changed from {before[-1]:.4g} to {now:.4g}")


def report_checkpoint(run: RunState, path: Path, seconds: float) -> None:
    """Reports that a checkpoint is complete."""
    size = sum(each.stat().st_size for each in path.iterdir())
    text = f"{path.name} written in {seconds:.2g} s, {size / 1e6:,.1f} MB"
    run.report("checkpoint", text)


def report_end(run: RunState) -> None:
    """Reports the regular end of a fit."""
    run.report("end", f"training ended after epoch {run.epoch}: {run.stop_reason}")


def report_error(run: RunState, error: BaseException) -> None:
    """Reports that an exception ends the fit."""
    if isinstance(error, Interrupted):
        run.report("interrupted", f"{error.cause}; {_what_is_saved(run)}")
        return
    if isinstance(error, DivergedError):
        run.report("divergence", str(error))
        return
    # TensorFlow's own error does not mention that a worker was lost.
    lost = str(error) if isinstance(error, WorkerError) else workers_of(run.strategy).lost
    if lost is not None:
        run.report("worker_lost", lost)
    run.report("failure", lost or f"{type(error).__name__}: {_shortened(error)}")


def _what_is_saved(run: RunState) -> str:
    is_lost = run.run_dir is None and workers_of(run.strategy).is_chief
    return "nothing is saved without run_dir" if is_lost else "the state is saved"


def _shortened(error: BaseException) -> str:
    """Returns the first and last line of a message, without TensorFlow's stack between."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ... ".join(dict.fromkeys((lines[0], lines[-1])))[:1000] if lines else ""
