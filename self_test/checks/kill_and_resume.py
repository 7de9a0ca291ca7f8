"""Kills a run within an epoch, resumes it, and compares it with an uninterrupted run.

As a program, it trains the run that is killed:

    python -m keraunos.self_test.checks.kill_and_resume SETTINGS
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ...callbacks import Callback, ModelCheckpoint, RunState
from ...core.files import write_json_atomic
from ...core.processes import describe_exit
from ..check import CheckSettings
from ..verdict import Verdict, pass_or_fail
from .subjects import batched, labeled_images, mixed_layers, trainer_for

EPOCHS, STEPS = 2, 5
RUN, UNINTERRUPTED = "run", "uninterrupted"


class _Killer(Callback):
    """Kills the process after the second checkpoint, in the middle of an epoch."""

    def reset(self) -> None:
        self.saved = 0

    def on_checkpoint_saved(self, run: RunState, path: Path) -> None:
        self.saved += 1
        if self.saved == 2:
            os.kill(os.getpid(), signal.SIGKILL)


class _FirstStep(Callback):
    """Records the step at which a fit starts."""

    def on_fit_begin(self, run: RunState) -> None:
        self.step = run.step


def measure(settings: CheckSettings) -> Verdict:
    """Compares weights, losses and metrics bit for bit."""
    code = _train_and_die(settings)
    if code != -signal.SIGKILL:
        return Verdict(
            "failed", f"the run was supposed to be killed, but {describe_exit(code)}"
        )
    resumed, first_step = _train(settings, RUN)
    expected, _ = _train(settings, UNINTERRUPTED)
    pairs = zip(expected.model.weights, resumed.model.weights, strict=True)
    differences = [float(np.max(np.abs(a.numpy() - b.numpy()))) for a, b in pairs]
    is_same = max(differences) == 0.0 and _losses(expected) == _losses(resumed)
    figures = {
        "resumed_at_step": first_step,
        "of_steps": EPOCHS * STEPS,
        "weights_differ_by": max(differences),
    }
    same = "the same" if is_same else "not the same"
    return pass_or_fail(
        is_same and first_step > 0,
        f"resumed at step {first_step} of {EPOCHS * STEPS}; weights, losses and "
        f"metrics are {same} bit for bit",
        figures,
    )


def _train(
    settings: CheckSettings, name: str, callback: Callback | None = None
) -> tuple[Any, int]:
    """Trains in the run directory `name`; returns the result and the first step."""
    first = _FirstStep()
    checkpoint = ModelCheckpoint("loss", every_n_steps=2, restore_best=False)
    callbacks = {"first_step": first, "model_checkpoint": checkpoint, "tensorboard": None}
    trainer = trainer_for(
        settings,
        settings.layout.replicas,
        callbacks | ({"killer": callback} if callback else {}),
        run_dir=settings.folder / name,
        max_epochs=EPOCHS,
        seed=3,
        # Otherwise the order of sums on GPUs varies.
        deterministic=settings.layout.kind == "GPU",
        export=False,
    )
    batch_size = 8 * settings.layout.replicas
    examples = labeled_images((STEPS - 1) * batch_size + 1, size=8)
    result = trainer.fit(mixed_layers(dropout=0.5), batched(examples, batch_size))
    return result, first.step


def _losses(result: Any) -> list[list[float]]:
    return [result.history["loss"], result.history["accuracy"]]


def _train_and_die(settings: CheckSettings) -> int:
    job = settings.folder / "killed.json"
    write_json_atomic(job, settings.to_json())
    command = [sys.executable, "-m", __name__, str(job)]
    return subprocess.run(command, check=False).returncode


def main(job: Path) -> None:
    """Trains until the callback kills this process."""
    settings = CheckSettings.from_json(json.loads(job.read_text()))
    settings.layout.apply()
    _train(settings, RUN, _Killer())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
