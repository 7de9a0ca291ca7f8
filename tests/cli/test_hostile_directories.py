"""Untrusted run directories, configurations and caches change nothing outside."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from keraunos.cli.commands.fit import read_resumed_arguments
from keraunos.core.errors import ConfigError
from keraunos.core.files import sha256_of_file
from keraunos.core.shared_store import open_store
from outside import KINDS, make_outside, plant, snapshot

SLOW = pytest.mark.slow

# Files and folders written by a run, a search or a cross-validation.
PLACES = [
    ".lock",
    ".lock-owner",
    "checkpoints",
    "checkpoints/.step-00000002-abcdefgh",
    "checkpoints/best.txt",
    "checkpoints/damaged-step-00000002-0",
    "checkpoints/frozen",
    "checkpoints/frozen/weights.safetensors",
    "checkpoints/step-00000099",
    "classes.txt",
    "config.yaml",
    "confusion_matrix.csv",
    "curves.png",
    "environment.json",
    "metrics.jsonl",
    "mistakes.png",
    "model.keras",
    "predictions.csv",
    "samples.png",
    "split.csv",
    "tensorboard",
    "tensorboard/events.out.tfevents.1.host.v2",
    "tensorboard/plugins",
    "tensorboard/train",
    "test.json",
    "validations.jsonl",
]


@pytest.fixture
def world(tmp_path: Path, small_run: Path) -> Path:
    """A folder with `outside`, `own.py` and `own.yaml`, and a copy of a run to attack."""
    make_outside(tmp_path / "outside")
    for name in ("own.py", "own.yaml"):
        shutil.copy(small_run.parents[1] / name, tmp_path)
    shutil.copytree(small_run, tmp_path / "run")
    return tmp_path


def attack(run: Path, place: str, kind: str) -> None:
    """Replaces a file of a run by something hostile."""
    path = run / place
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    plant(path, kind, run.parent / "outside")


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        kind if kind in ("link to a file", "fifo") else pytest.param(kind, marks=SLOW)
        for kind in KINDS
    ],
)
def test_links_and_special_files_in_a_run_are_rejected_up_front(
    keraunos: Callable, world: Path, small_run: Path, kind: str
) -> None:
    for place in PLACES:
        attack(world / "run", place, kind)
        before = snapshot(world)
        answer = keraunos("fit", "own.yaml", "run_dir=run", "trainer.max_epochs=9")
        assert answer.code == 2, (place, answer.err)
        assert "It is left as it is" in answer.err, place
        assert "Traceback" not in answer.err, place
        keraunos("compare", "run", "--csv", world / "table.csv")
        (world / "table.csv").unlink(missing_ok=True)
        assert snapshot(world) == before, place
        shutil.rmtree(world / "run")
        shutil.copytree(small_run, world / "run")


@pytest.mark.parametrize("place", ["test.json", "predictions.csv", "mistakes.png"])
@pytest.mark.parametrize("kind", ["link to a file", "fifo"])
def test_command_does_not_write_through_links_or_fifos(
    keraunos: Callable, world: Path, place: str, kind: str
) -> None:
    attack(world / "run", place, kind)
    before = snapshot(world)
    answer = keraunos("test", "run")
    assert (answer.code, "It is left as it is" in answer.err) == (2, True), answer.err
    assert snapshot(world) == before


def test_run_directory_may_be_a_symlink(keraunos: Callable, world: Path) -> None:
    (world / "linked").symlink_to(world / "run")
    assert keraunos("test", "linked").code == 0
    assert (world / "linked").is_symlink()


def write_state(run: Path, saved: list[str], scores: dict[str, float]) -> None:
    """Writes the state of a checkpoint callback into all checkpoints and manifests."""
    for state in (run / "checkpoints").glob("step-*/state.json"):
        content = json.loads(state.read_text())
        assert content["callbacks"]["model_checkpoint"]["saved"]
        content["callbacks"]["model_checkpoint"] |= {"saved": saved, "scores": scores}
        state.write_text(json.dumps(content))
        manifest = json.loads((state.parent / "manifest.json").read_text())
        manifest["files"]["state.json"] = {
            "bytes": state.stat().st_size,
            "sha256": sha256_of_file(state),
        }
        (state.parent / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.slow
def test_resumed_run_deletes_only_its_own_checkpoints(
    keraunos: Callable, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside, run = world / "outside", world / "run"
    names = [str(outside / "photographs"), "../../outside/empty", "..", "."]
    write_state(run, [*names, "mine"], dict.fromkeys(names, -1.0))
    (run / "checkpoints" / "mine").mkdir()
    (run / "checkpoints" / "mine" / "cat.jpg").write_text("mine")
    (run / "checkpoints" / "step-00000001").mkdir()
    (run / "checkpoints" / "step-00000001" / "cat.jpg").write_text("mine")
    (run / "tensorboard").mkdir()
    (run / "tensorboard" / "notes.txt").write_text("mine")
    (run / "checkpoints" / "best.txt").write_text("../../outside/photographs\n")
    before = snapshot(outside)
    monkeypatch.syspath_prepend(world)
    answer = keraunos("fit", "own.yaml", "run_dir=run", "trainer.max_epochs=3")
    assert answer.code == 0, answer.err
    assert "resumed: step-" in answer.err
    assert snapshot(outside) == before
    assert (run / "checkpoints" / "mine" / "cat.jpg").exists()
    assert (run / "checkpoints" / "step-00000001" / "cat.jpg").exists()
    assert (run / "tensorboard" / "notes.txt").exists()
    assert (run / "checkpoints" / "best.txt").read_text().startswith("step-")


@pytest.mark.parametrize("folds", [[], ["data.folds=2"]])
def test_project_folder_with_a_config_yaml_is_not_a_run(
    keraunos: Callable, world: Path, folds: list[str]
) -> None:
    project = make_outside(world / "project")
    (project / "config.yaml").write_text("# my own settings\nseed: 1\n")
    (project / "tensorboard").mkdir()
    (project / "tensorboard" / "notes.txt").write_text("mine")
    before = snapshot(project)
    answer = keraunos("fit", "own.yaml", "run_dir=project", *folds)
    assert (answer.code, "it contains something else" in answer.err) == (2, True), (
        answer.err
    )
    assert snapshot(project) == before


# Requests of an untrusted config.yaml, and the setting that is rejected.
ASKED = {
    "callbacks: {ModelCheckpoint: {filepath: OUT/thesis.tex}}": "callbacks.ModelCheckpoint",
    "callbacks: {log: {class: CSVLogger, filename: OUT/thesis.tex}}": "callbacks.log",
    "callbacks: {RemoteMonitor: {root: 'http://127.0.0.1:9'}}": "callbacks.RemoteMonitor",
    "callbacks: {TensorBoard: {log_dir: OUT/photographs}}": "callbacks.TensorBoard",
    "callbacks: {BackupAndRestore: {backup_dir: OUT/empty}}": "callbacks.BackupAndRestore",
    "callbacks: {x: {class: 'not_there:Class', place: OUT}}": "callbacks.x",
    "model: {builder: 'not_there:build', arguments: {place: OUT}}": "model.builder",
    "cache_dir: OUT/new": "cache_dir",
    "cache_dir: OUT/photographs": "cache_dir",
    "cache_dir: RUN/link": "cache_dir",
}


@pytest.mark.parametrize("asked", ASKED)
def test_resume_rejects_unsafe_settings_that_only_the_run_specifies(
    keraunos: Callable, tmp_path: Path, asked: str
) -> None:
    outside, run = make_outside(tmp_path / "outside"), tmp_path / "run"
    run.mkdir()
    (run / "link").symlink_to(outside / "photographs")
    text = asked.replace("OUT", str(outside)).replace("RUN", str(run))
    (run / "config.yaml").write_text(text)
    before = snapshot(tmp_path)
    answer = keraunos("fit", "--resume", "run")
    assert answer.code == 2
    assert f"{ASKED[asked]}=" in answer.err
    assert "only the run's own files request it" in answer.err
    assert snapshot(tmp_path) == before


def test_fully_typed_settings_are_trusted(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text(
        "callbacks: {log: {class: CSVLogger, filename: theirs.csv, append: true}}\n"
        "model: {builder: 'a:b', arguments: {place: theirs}}\ncache_dir: elsewhere\n"
    )
    typed = [
        "callbacks.log={class: CSVLogger, filename: mine.csv, append: true}",
        "model={builder: 'a:b', arguments: {place: mine}}",
        "cache_dir=mine",
    ]
    config = read_resumed_arguments(run, typed)
    assert config.callbacks["log"]["filename"] == "mine.csv"
    partly = ["callbacks.log={class: CSVLogger}", "callbacks.log.filename=mine.csv"]
    with pytest.raises(ConfigError, match=r"callbacks\.log='CSVLogger'"):
        read_resumed_arguments(run, [*partly, *typed[1:]])
    with pytest.raises(ConfigError, match=r"model\.builder='a:b'"):
        read_resumed_arguments(run, [typed[0], "model.builder=a:b", typed[2]])


def test_harmless_settings_of_a_run_are_resumed_unchanged(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    open_store(tmp_path / "cache")
    for cache in (run / "cache", tmp_path / "cache"):
        (run / "config.yaml").write_text(
            "callbacks: {ReduceLROnPlateau: {patience: 2}, early_stopping: {patience: 2}}\n"
            f"cache_dir: {cache}\ndata: {{train: /elsewhere}}\n"
        )
        assert read_resumed_arguments(run, []).cache_dir == str(cache)


@pytest.mark.slow
def test_command_ignores_the_cache_dir_of_an_untrusted_run(
    keraunos: Callable, world: Path
) -> None:
    config = world / "run" / "config.yaml"
    text = config.read_text().replace("cache_dir: null", f"cache_dir: {world}/outside/new")
    config.write_text(text)
    before = snapshot(world / "outside")
    answer = keraunos("test", "run")
    assert answer.code == 0, answer.err
    assert "cache: using your own" in answer.err
    assert snapshot(world / "outside") == before


def test_output_follows_typed_symlinks_but_rejects_special_files(
    keraunos: Callable, world: Path
) -> None:
    (world / "real.csv").write_text("old")
    (world / "link.csv").symlink_to("real.csv")
    assert keraunos("compare", "run", "--csv", "link.csv").code == 0
    assert (world / "link.csv").is_symlink()
    assert (world / "real.csv").read_text().startswith("run,")
    os.mkfifo(world / "fifo")
    before = snapshot(world)
    for command in (
        ("compare", "run", "--csv", "fifo"),
        ("audit", "outside", "--json", "fifo"),
        ("audit", "outside", "--html", "fifo"),
    ):
        answer = keraunos(*command)
        assert (answer.code, "fifo is something else" in answer.err) == (2, True), answer
    assert snapshot(world) == before


SECRET_CALLBACK = """
from keraunos.callbacks import Callback

class Log(Callback):
    def __init__(self, token, address):
        assert (token, address) == ("hunter2", "http://me:hunter2@127.0.0.1")
"""


@pytest.mark.slow
def test_secrets_are_never_written_and_file_modes_follow_the_umask(
    keraunos: Callable, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world / "logs.py").write_text(SECRET_CALLBACK)
    monkeypatch.syspath_prepend(world)
    options = "{class: 'logs:Log', token: hunter2, address: 'http://me:hunter2@127.0.0.1'}"
    typed = ["fit", "own.yaml", "run_dir=new", "trainer.max_epochs=1"]
    typed += [f"callbacks.log={options}", "callbacks.tensorboard={images: false}"]
    monkeypatch.setattr("sys.argv", ["keraunos", *typed])
    monkeypatch.setenv("KERAUNOS_TOKEN", "hunter2" * 3)
    before = os.umask(0o027)
    try:
        answer = keraunos(*typed)
    finally:
        os.umask(before)
    assert answer.code == 0, answer.err
    found = [path for path in (world / "new").rglob("*") if path.is_file()]
    assert not [path for path in found if b"hunter2" in path.read_bytes()]
    assert (
        "token: ***"
        in json.loads((world / "new/environment.json").read_text())["command"][5]
    )
    modes = {path: path.stat().st_mode & 0o777 for path in (world / "new").rglob("*")}
    wanted = {path: 0o640 if path.is_file() else 0o750 for path in modes}
    assert modes == wanted
    again = keraunos("fit", "new/config.yaml", "run_dir=other")
    assert again.code == 2
    assert "callbacks.log.token='***'" in again.err
    assert not (world / "other").exists()
