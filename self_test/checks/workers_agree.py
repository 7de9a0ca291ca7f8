"""Compares training in several workers on this machine with one process.

As a program, it is one of the workers:

    keraunos launch --workers 2 -- python -m THIS_FILE SETTINGS
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from ...core.bundle import Arrays
from ...core.files import write_json_atomic
from ...core.processes import describe_exit
from ...strategies import init_workers
from ...trainer import Trainer
from ..check import CheckSettings
from ..verdict import Verdict, pass_or_fail
from .subjects import batched, labeled_images, mixed_layers

TOLERANCE = 1e-5
WEIGHTS = "weights-{rank}.safetensors"


def measure(settings: CheckSettings) -> Verdict:
    """Compares the weights of all workers with those of one process."""
    workers = settings.layout.workers
    code, output = _launch(settings)
    if code:
        return Verdict("failed", f"the workers {describe_exit(code)}: {output}")
    _train(settings, "single", settings.folder / "one.safetensors")
    expected = load_file(settings.folder / "one.safetensors")
    differences = []
    for rank in range(workers):
        received = load_file(settings.folder / WEIGHTS.format(rank=rank))
        differences.append(_difference(expected, received))
    figures = {"weights_differ_by": max(differences), "workers": workers}
    return pass_or_fail(
        max(differences) <= TOLERANCE,
        f"weights differ by {max(differences):.1e} of their size (at most {TOLERANCE:.0e})",
        figures,
    )


def _difference(expected: Arrays, received: Arrays) -> float:
    """Returns the difference of all variables together, relative to their size."""
    squares = sum(float(np.sum((received[n] - expected[n]) ** 2)) for n in expected)
    return float(
        np.sqrt(squares / sum(float(np.sum(each**2)) for each in expected.values()))
    )


def _launch(settings: CheckSettings) -> tuple[int, str]:
    """Returns the exit code, and the last line of standard error."""
    job = settings.folder / "worker.json"
    write_json_atomic(job, settings.to_json())
    launch = [sys.executable, "-m", "keraunos", "launch", "--workers"]
    worker = [sys.executable, "-m", __name__, str(job)]
    done = subprocess.run(
        [*launch, str(settings.layout.workers), "--", *worker],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]


def _train(settings: CheckSettings, strategy: str, file: Path) -> None:
    tf.config.experimental.enable_tensor_float_32_execution(False)
    batch_size = 8 * settings.layout.workers
    trainer = Trainer(
        strategy=strategy,
        accelerator=settings.layout.accelerator,
        devices=1,
        max_epochs=2,
        seed=1,
        callbacks={"progress_bar": None},
    )
    examples = labeled_images(2 * batch_size + 1, size=8)
    model = trainer.fit(mixed_layers(), batched(examples, batch_size)).model
    weights = enumerate(model.weights)
    save_file({f"{n:03d}": np.array(weight.numpy()) for n, weight in weights}, file)


def main(job: Path) -> None:
    """Trains as one of the workers."""
    settings = CheckSettings.from_json(json.loads(job.read_text()))
    workers = init_workers(settings.layout.accelerator, 1)
    file = settings.folder / WEIGHTS.format(rank=workers.rank)
    _train(settings, "multi_worker", file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
