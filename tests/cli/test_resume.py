"""Command-line runs that are stopped by real signals and resumed."""

import json
import shlex
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from programs import fork_keraunos

SIGNAL_WHEN = Path(__file__).parents[1] / "signal_when.py"
TIMES = ("seconds", "images_per_second", "data_wait_seconds")

# Place of each phase in the code, and the steps taken by then. An epoch has five steps, and
# the run three epochs.
PHASES = {
    "feature standardisation": "trainer.fit:predict:0",
    "first trace": "trainer.step.train:TrainStep._on_replica:0",
    "training": "trainer.loop.epochs:Training._execute_steps:7",
    "validation": "trainer.loop.epochs:collect:10",
    "between epochs": "callbacks.tensorboard:TensorBoard.on_epoch_end:5",
    "a save": "trainer.checkpoint.saver:Saver._write:10",
    "second phase": "trainer.loop.epochs:Training._execute_steps:5",
}


@pytest.fixture(scope="module")
def command(lesions: Path) -> tuple[str, ...]:
    """Three epochs of the quickstart recipe, with a small network on few images."""
    return (
        "fit",
        "quickstart",
        f"data.train={lesions}",
        "data.image_size=32",
        "data.batch_size=7",
        "model.backbone=MobileNetV3Small",
        "trainer.cpu_devices=1",
        "trainer.max_epochs=3",
        "callbacks.figures=null",
    )


@pytest.fixture(scope="module")
def whole_run(command: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    done = fork_keraunos(*command, "run_dir=run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def whole(whole_run: Path) -> dict[str, Any]:
    """The outcome of the uninterrupted run."""
    return outcome(whole_run)


def outcome(run: Path) -> dict[str, Any]:
    """Everything that must not depend on interruptions."""
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return {
        "metrics": [{k: v for k, v in line.items() if k not in TIMES} for line in lines],
        "test": json.loads((run / "test.json").read_text()),
        "predictions": (run / "predictions.csv").read_text(),
        "best": (run / "checkpoints" / "best.txt").read_text(),
        "checkpoints": sorted(path.name for path in (run / "checkpoints").iterdir()),
    }


def stop(phase: str, number: signal.Signals, folder: Path, *command: str) -> str:
    """Runs a command, sends it a signal in a phase, and returns its messages."""
    record = folder / f"sent in {phase}.txt"
    arguments = [PHASES[phase], f"{int(number)}", f"{record}", *command]
    process = fork_keraunos(*arguments, cwd=folder, script=SIGNAL_WHEN)
    assert record.exists(), f"no signal was sent: {process.stderr}"
    assert process.returncode == 128 + number, process.stderr
    assert "Traceback" not in process.stderr
    return process.stderr


RUN_DIR, RESUME = "run_dir", "--resume"

# In order: how the run is started or resumed, from where, and when which signal stops it.
FEW_STOPS = [
    (RUN_DIR, None, "feature standardisation", signal.SIGINT),
    (RUN_DIR, None, "a save", signal.SIGUSR1),
]
STOPS = [
    (RUN_DIR, None, "feature standardisation", signal.SIGINT),
    (RUN_DIR, None, "first trace", signal.SIGTERM),
    (RESUME, "step-0000000", "between epochs", signal.SIGUSR2),
    (RUN_DIR, "step-00000005", "training", signal.SIGINT),
    (RESUME, "step-0000000", "validation", signal.SIGUSR1),
    (RUN_DIR, "step-00000010-mid-epoch", "a save", signal.SIGTERM),
]


@pytest.mark.feature("automatic resuming")
@pytest.mark.parametrize(
    "stops",
    [
        pytest.param(FEW_STOPS, id="two", marks=pytest.mark.slow),
        pytest.param(STOPS, id="all", marks=pytest.mark.nightly),
    ],
)
def test_run_stopped_in_every_phase_resumes_to_the_same_result(
    command: tuple[str, ...], whole: dict[str, Any], stops: list[Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    typed = {RUN_DIR: (*command, "run_dir=run"), RESUME: ("fit", RESUME, f"{run}")}
    for again, from_where, phase, number in stops:
        said = stop(phase, number, tmp_path, *typed[again])
        assert f"resumed: {from_where}" in said or from_where is None
        if phase == "feature standardisation":
            assert "before the first step; nothing new is saved" in said
            assert RESUME not in said
            assert not run.exists()
        else:
            assert "the state is saved" in said
            assert f"keraunos {' '.join(typed[RESUME])}" in said
    done = fork_keraunos(*typed[RESUME], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "resumed: step-0000001" in done.stderr  # saving continues in the background
    assert outcome(run) == whole


@pytest.mark.nightly
def test_resuming_a_finished_run_changes_nothing_and_explains_how_to_extend(
    whole_run: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(whole_run, tmp_path / "run")
    done = fork_keraunos("fit", "--resume", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "this run is finished: max_epochs=3 is reached" in done.stderr
    assert "raise the limit that ended it, such as trainer.max_epochs" in done.stderr
    assert outcome(tmp_path / "run") == whole
    more = fork_keraunos("fit", "--resume", "run", "trainer.max_epochs=4", cwd=tmp_path)
    assert more.returncode == 0, more.stderr
    assert "  - trainer.max_epochs: 3\n  + trainer.max_epochs: 4\n" in more.stderr
    assert len(outcome(tmp_path / "run")["metrics"]) == 4


@pytest.mark.feature("fine-tuning")
@pytest.mark.nightly
def test_fine_tuning_recipe_resumes_in_its_second_phase(
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
        "callbacks.figures=null",
    )
    said = stop("second phase", signal.SIGTERM, tmp_path, *command, "run_dir=run")
    assert "18,441 trainable" in said
    assert "features: computed once" in said
    done = fork_keraunos("fit", "--resume", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "14,971,913 trainable" in done.stderr  # the head, and ResNet50 from conv5 on
    assert "resumed: step-000000" in done.stderr
    assert "new phase: " not in done.stderr
    lines = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    values = [(line["step"], line["learning_rate"]) for line in lines]
    assert values == [
        (4, pytest.approx(1e-3)),
        (8, pytest.approx(0.0)),
    ]  # cosine end


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
    """A run with a custom builder that was stopped by a custom callback."""
    (tmp_path / "mine.py").write_text(CALLBACK)
    run = tmp_path / "my run"
    extra = ("callbacks.stops.class=mine:Stops", f"run_dir={run}")
    answer = keraunos("fit", *small, *extra)
    assert answer.code == 128 + signal.SIGTERM
    typed = shlex.join(["keraunos", "fit", *small, *extra])
    assert f"Resume with:\n  {typed}\n" in answer.err
    return run


@pytest.mark.slow
def test_resume_does_not_import_code_that_only_the_run_names(
    keraunos: Any, stopped_run: Path
) -> None:
    answer = keraunos("fit", "--resume", stopped_run)
    assert answer.code == 2
    assert "--resume imports no code, runs no command, sends nothing" in answer.err
    assert "model.builder='own:build_model', callbacks." in answer.err
    assert "='mine:Stops'" in answer.err
    assert f"Type `keraunos fit CONFIG 'run_dir={stopped_run}'` instead" in answer.err


@pytest.mark.slow
def test_retyped_command_resumes_a_run_with_custom_code(
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
            ["uses the configuration of the run", "Leave out quickstart"],
        ),
        (
            ("a.yaml", "b.yaml", "--resume", "run"),
            ["Leave out a.yaml, or run `keraunos fit a.yaml b.yaml run_dir=run`"],
        ),
        (("--resume", "nowhere"), ["must be a run directory", "run='nowhere'"]),
        (("--resume", "run", "trainer.max_epohs=3"), ["mean max_epochs"]),
    ],
)
def test_invalid_resume_commands_are_rejected_with_an_explanation(
    keraunos: Any, typed: tuple[str, ...], words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    settings = keraunos("config", "classify", "data.train=images").out
    (tmp_path / "run" / "config.yaml").write_text(settings)
    answer = keraunos("fit", *typed)
    assert answer.code == 2
    assert answer.err.startswith("error: ")
    for word in words:
        assert word in answer.err
