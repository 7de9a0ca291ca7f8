"""`keraunos doctor --batch-size`: measure which batch sizes fit into memory."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ..core.errors import DataError, KeraunosError, OutOfMemoryError, message
from ..core.process_memory import WatchedProcess, available_bytes, run_watched
from ..core.processes import describe_exit
from .commands.fit import read_arguments
from .console import show

FIRST_BATCH_SIZE, LARGEST_BATCH_SIZE = 8, 4096
_GIB = 2**30
_PART_OF_AVAILABLE = 0.9  # leaves memory to other processes, lest the system kill them

Measure = Callable[[int], WatchedProcess]


class BatchRow(NamedTuple):
    """The measurements of one batch size.

    Attributes:
        batch_size: Images per step over all devices.
        images_per_second: Training speed including input; None if it did not fit.
        peak_gib: Peak memory of the process in GiB.
        gpu_gib: Peak memory of one GPU in GiB; 0 without a GPU.
        reason: Why it did not fit; empty if it did.
    """

    batch_size: int
    images_per_second: float | None
    peak_gib: float
    gpu_gib: float
    reason: str


def show_batch_sizes(arguments: Sequence[str], limit_gib: float | None) -> None:
    """Measures batch sizes and prints a table.

    Args:
        arguments: The arguments of `keraunos fit`.
        limit_gib: Memory limit of each process in GiB; by default 90% of the available
            memory.

    Raises:
        ConfigError: The configuration is invalid.
        OutOfMemoryError: Not even a batch of one image fits.
    """
    read_arguments(arguments)  # reports errors before a process is started
    available = available_bytes()
    if limit_gib is None and available is not None:
        limit_gib = _PART_OF_AVAILABLE * available / _GIB

    def measure(batch_size: int) -> WatchedProcess:
        module = f"{__package__}.batch_size_child"
        command = [
            sys.executable,
            "-m",
            module,
            *arguments,
            f"data.batch_size={batch_size}",
        ]
        return run_watched(command, limit_gib and limit_gib * _GIB)

    if limit_gib is not None:
        show(f"each batch size runs in its own process, limited to {limit_gib:.2f} GiB:")
    show("batch_size  images/s  peak GiB  GPU GiB")
    fitting = []
    for row in batch_rows(measure):
        _show(row)
        fitting += [] if row.reason else [row]
    if not fitting:
        raise OutOfMemoryError(
            message("A batch of one image must fit into memory.", limit_gib=limit_gib)
        )
    largest = max(fitting)
    fastest = max(fitting, key=lambda row: row.images_per_second or 0)
    show(f"largest that fits: data.batch_size={largest.batch_size}")
    show(f"fastest: data.batch_size={fastest.batch_size}")
    show("Measured by training the whole model, without cached features.")


def batch_rows(measure: Measure) -> Iterator[BatchRow]:
    """Measures growing powers of two until one fails; shrinking ones if the first fails.

    Args:
        measure: Runs the process for a batch size.

    Raises:
        KeraunosError: A process failed for another reason than memory.
    """
    step, size = 1, FIRST_BATCH_SIZE
    while 1 <= size <= LARGEST_BATCH_SIZE:
        row = _row(size, measure(size))
        if row is not None:
            yield row
        has_failed = row is None or bool(row.reason)
        if size == FIRST_BATCH_SIZE and has_failed:
            step = -1
        elif has_failed == (step > 0):
            return
        size = size * 2 if step > 0 else size // 2


def _row(batch_size: int, watched: WatchedProcess) -> BatchRow | None:
    """Returns the measurements; None if the training set is smaller than the batch."""
    peak_gib = watched.peak_bytes / _GIB
    if watched.code == 0:
        found = json.loads(watched.output.splitlines()[-1])
        speed, gpu_gib = found["images_per_second"], found["gpu_gib"]
        return BatchRow(batch_size, speed, peak_gib, gpu_gib, "")
    if watched.is_over_limit:
        reason = "needs more memory than the limit"
    elif watched.code == OutOfMemoryError.exit_code:
        reason = "out of memory"
    elif watched.code < 0:
        reason = f"its process {describe_exit(watched.code)}"
    elif watched.code == DataError.exit_code and "larger than the training set" in (
        watched.errors
    ):
        return None
    else:
        raise _failed(watched)
    return BatchRow(batch_size, None, peak_gib, 0.0, reason)


def _failed(watched: WatchedProcess) -> KeraunosError:
    """Returns the error of a process that did not fail for lack of memory."""
    error = KeraunosError(watched.errors.strip())
    error.exit_code = watched.code
    return error


def _show(row: BatchRow) -> None:
    speed = "-" if row.images_per_second is None else f"{row.images_per_second:.1f}"
    gpu = f"{row.gpu_gib:.2f}" if row.gpu_gib else "-"
    cells = f"{row.batch_size:10}  {speed:>8}  {row.peak_gib:8.2f}  {gpu:>7}  {row.reason}"
    show(cells.rstrip())
