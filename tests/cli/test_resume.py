"""Runs of the command line that are stopped by real signals, and go on."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers import run_keraunos

SIGNAL_WHEN = Path(__file__).parents[1] / "signal_when.py"
TIMES = ("seconds", "images_per_second", "data_wait_seconds")

# Where in the sources a phase is, and the steps that are made by then. Five steps are an
# epoch, and three epochs the run.
PHASES = {
    "feature standardisation": "fitting.py:predict_training_examples:0",
    "first trace": "train_step.py:_on_replica:0",
    "training": "epochs.py:_call:7",
    "validation": "outputs.py:collect:10",
    "between epochs": "tensorboard.py:on_epoch_end:5",
    "a save": "saver.py:_write:10",
    "second phase": "epochs.py:_call:5",
}


@dataclass(frozen=True)
class Stopped:
    """A process that a signal stopped."""

    process: subprocess.CompletedProcess[str]
    run: Path


@pytest.fixture(scope="module")
def command(lesions: Path) -> tuple[str, ...]:
    """Three epochs of the quickstart recipe, with a small network on few pictures."""
    return (
        "fit",
        "quickstart",
        f"data.train={lesions}",
        "data.image_size=32",
        "data.batch_size=7",
        "model.backbone=MobileNetV3Small",
        "trainer.cpu_devices=1",
        "trainer.max_epochs=3",
        "callbacks.pictures=null",
    )


@pytest.fixture(scope="module")
def whole_run(command: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    done = run_keraunos(*command, "run_dir=run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def whole(whole_run: Path) -> dict[str, Any]:
    """What it leaves."""
    return outcome(whole_run)


def outcome(run: Path) -> dict[str, Any]:
    """All that must not depend on interruptions."""
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return {
        "metrics": [{k: v for k, v in line.items() if k not in TIMES} for line in lines],
        "test": json.loads((run / "test.json").read_text()),
        "predictions": (run / "predictions.csv").read_text(),
        "best": (run / "checkpoints" / "best.txt").read_text(),
        "checkpoints": sorted(path.name for path in (run / "checkpoints").iterdir()),
    }


def stop(phase: str, number: signal.Signals, folder: Path, *command: str) -> Stopped:
    """Runs a command until it is in a phase, and sends it a signal there."""
    record = folder / "sent.txt"
    arguments = [PHASES[phase], f"{int(number)}", f"{record}", *command, "run_dir=run"]
    try:
        process = subprocess.run(
            [sys.executable, SIGNAL_WHEN, *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        pytest.fail(f"It did not end: {error.stderr}")
    assert record.exists(), f"no signal was sent: {process.stderr}"
    assert process.returncode == 128 + number, process.stderr
    assert "Traceback" not in process.stderr
    return Stopped(process, folder / "run")


@pytest.mark.feature("automatic resuming")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("phase", "number", "again"),
    [
        ("first trace", signal.SIGTERM, "--resume"),
        ("training", signal.SIGINT, "run_dir"),
        ("validation", signal.SIGUSR1, "--resume"),
        ("between epochs", signal.SIGUSR2, "run_dir"),
        ("a save", signal.SIGTERM, "run_dir"),
    ],
)
def test_a_run_that_was_stopped_goes_on_to_the_same_end(
    phase: str,
    number: signal.Signals,
    again: str,
    command: tuple[str, ...],
    whole: dict[str, Any],
    tmp_path: Path,
) -> None:
    stopped = stop(phase, number, tmp_path, *command)
    words = f"keraunos fit --resume {stopped.run}"
    assert words in stopped.process.stderr
    assert "the state is saved" in stopped.process.stderr
    typed = words.split()[1:] if again == "--resume" else (*command, "run_dir=run")
    done = run_keraunos(*typed, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "resumed: step-000000" in done.stderr
    if phase == "validation":  # in the midst of it, that is, and not when it was over
        assert "resumed: step-00000010-mid-epoch" in done.stderr
    assert outcome(stopped.run) == whole


@pytest.mark.slow
def test_before_the_first_step_nothing_is_saved_and_that_is_said(
    command: tuple[str, ...], whole: dict[str, Any], tmp_path: Path
) -> None:
    stopped = stop("feature standardisation", signal.SIGINT, tmp_path, *command)
    assert "before the first step: nothing is saved" in stopped.process.stderr
    assert "--resume" not in stopped.process.stderr
    assert not stopped.run.exists()
    done = run_keraunos(*command, "run_dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert outcome(stopped.run) == whole


@pytest.mark.slow
def test_a_finished_run_that_is_resumed_changes_nothing_and_says_how_to_train_on(
    whole_run: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(whole_run, tmp_path / "run")
    done = run_keraunos("fit", "--resume", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "this run is finished: max_epochs=3 is reached" in done.stderr
    assert "raise what ended it, such as trainer.max_epochs" in done.stderr
    assert outcome(tmp_path / "run") == whole
    more = run_keraunos("fit", "--resume", "run", "trainer.max_epochs=4", cwd=tmp_path)
    assert more.returncode == 0, more.stderr
    assert "other than before: trainer.max_epochs: 3 -> 4" in more.stderr
    assert len(outcome(tmp_path / "run")["metrics"]) == 4


@pytest.mark.feature("fine-tuning")
@pytest.mark.slow
def test_the_recipe_for_fine_tuning_goes_on_in_its_second_phase(
    lesions: Path, tmp_path: Path
) -> None:
    command = (
        "fit",
        "skin_lesion_finetune",
        f"data.train={lesions / 'train'}",
        "data.image_size=32",
        "data.batch_size=10",  # four steps an epoch
        "model.weights=null",
        "augmentation.views=1",
        "trainer.max_epochs=2",
        "callbacks.backbone_finetuning.at_epoch=1",
        "callbacks.pictures=null",
    )
    stopped = stop("second phase", signal.SIGTERM, tmp_path, *command)
    assert "18,441 trainable" in stopped.process.stderr
    assert "features: computed once" in stopped.process.stderr
    done = run_keraunos("fit", "--resume", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "14,971,913 trainable" in done.stderr  # the head, and ResNet50 from conv5 on
    assert "resumed: step-000000" in done.stderr
    assert "a new phase begins" not in done.stderr
    lines = map(json.loads, (stopped.run / "metrics.jsonl").read_text().splitlines())
    values = [(line["step"], line["learning_rate"]) for line in lines]
    assert values == [(4, pytest.approx(1e-3)), (8, pytest.approx(0.0))]  # a cosine's end


CALLBACK = """
import os, signal
from keraunos.callbacks import Callback

class Stops(Callback):
    def on_train_step_end(self, run):
        if run.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.fixture
def stopped_run(keraunos: Any, small: list[str], tmp_path: Path) -> Path:
    """A run with a builder of one's own, which a callback of one's own stopped."""
    (tmp_path / "mine.py").write_text(CALLBACK)
    run = tmp_path / "run"
    extra = ("callbacks.stops.class=mine:Stops", f"run_dir={run}")
    answer = keraunos("fit", *small, *extra)
    assert answer.code == 128 + signal.SIGTERM
    assert f"Go on with:\n  keraunos fit CONFIG run_dir={run}\n" in answer.err
    return run


def test_code_that_only_a_run_names_is_not_imported(
    keraunos: Any, stopped_run: Path
) -> None:
    answer = keraunos("fit", "--resume", stopped_run)
    assert answer.code == 2
    assert "--resume imports no code that only the run's own files name" in answer.err
    assert "imported=['own:build_model', 'mine:Stops']" in answer.err
    assert f"Type `keraunos fit CONFIG run_dir={stopped_run}` instead" in answer.err


def test_typed_again_with_its_directory_such_a_run_goes_on(
    keraunos: Any, small: list[str], stopped_run: Path
) -> None:
    answer = keraunos("fit", *small, f"run_dir={stopped_run}")
    assert answer.code == 0
    assert "resumed: step-00000002-mid-epoch" in answer.err
    lines = (stopped_run / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (
            ("quickstart", "--resume", "run"),
            ["goes on with the configuration of the run", "Leave quickstart out"],
        ),
        (
            ("a.yaml", "b.yaml", "--resume", "run"),
            ["Leave a.yaml out, or type `keraunos fit a.yaml b.yaml run_dir=run`"],
        ),
        (("--resume", "nowhere"), ["must be a run directory", "run='nowhere'"]),
        (("--resume", "run", "trainer.max_epohs=3"), ["mean max_epochs"]),
    ],
)
def test_resume_is_refused_with_words(
    keraunos: Any, typed: tuple[str, ...], words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    settings = keraunos("config", "classify", "data.train=pictures").out
    (tmp_path / "run" / "config.yaml").write_text(settings)
    answer = keraunos("fit", *typed)
    assert answer.code == 2
    assert answer.err.startswith("error: ")
    for word in words:
        assert word in answer.err
