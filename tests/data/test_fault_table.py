"""Each data fault has its documented outcome, and no file is changed."""

import csv
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from fault_document import DOCUMENT, document
from fault_rows import ROWS, Row
from faulty_files import HARMFUL, giants
from helpers import make_images
from keraunos.cli.main import main
from keraunos.core.files import sha256_of_file
from keraunos.data.files.inspect import inspect_files

OWN = """
import keras
from keraunos.callbacks import Callback
from pathlib import Path

def build_model(classes=2):
    layers = [keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D()]
    model = keras.Sequential([*layers, keras.layers.Dense(classes, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

class Meanwhile(Callback):
    def on_epoch_begin(self, run):
        strike = Path("strike.bin")
        if run.epoch == 1 and strike.exists():
            for path in Path("train/cat").glob("*.png"):
                path.rename(path.with_suffix(".hidden"))
                if strike.stat().st_size:
                    path.write_bytes(strike.read_bytes())
"""
CONFIG = """
data: {train: train, test: test, image_size: 32, batch_size: 4, cache: none}
augmentation: {strength: 0.0}
model: {builder: "own:build_model"}
trainer: {devices: 1, max_epochs: 2}
callbacks: {tensorboard: null, figures: null}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: good images, a configuration and a small model."""
    make_images(tmp_path / "train", {"cat": 6, "dog": 7}, seed=0)
    make_images(tmp_path / "test", {"cat": 2, "dog": 3}, seed=1)
    (tmp_path / "own.yaml").write_text(CONFIG)
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own", raising=False)
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path


def everything(folder: Path) -> dict[str, Any]:
    """All files and links by name, each with its time of change and its content."""
    return {
        os.path.join(parent, name): _state(os.path.join(parent, name))
        for parent, folders, files in os.walk(folder)
        for name in [*folders, *files]
        if "__pycache__" not in (name, os.path.basename(parent))
    }


def _state(path: str) -> Any:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(path)
    if stat.S_ISREG(status.st_mode) and status.st_size < 10**9:
        return status.st_mtime_ns, sha256_of_file(path)
    return status.st_mode, status.st_size


def largest_memory_kib() -> int:
    """The peak memory of this process since it was last reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise LookupError("VmHWM")


def as_parameter(row: Row) -> Any:
    trains = any(attempt.trains for attempt in row.attempts)
    return pytest.param(row, id=row.name, marks=[pytest.mark.slow] * trains)


@pytest.mark.slow
@pytest.mark.parametrize("row", [as_parameter(row) for row in ROWS if row.attempts])
def test_each_fault_has_its_documented_outcome(row: Row, folder, capfd):
    row.inject(folder)
    before = everything(folder)
    for attempt in row.attempts:
        dry = [] if attempt.trains or attempt.code else ["--dry-run"]
        capfd.readouterr()
        code = main(["fit", "own.yaml", *attempt.settings, *dry])
        said = "".join(capfd.readouterr())
        assert code == attempt.code, said
        assert all(words in said for words in attempt.words), said
        assert "Traceback" not in said
        assert "Corrupt JPEG" not in said
        after = everything(folder)
        new = {Path(name).relative_to(folder).parts[0] for name in after.keys() - before}
        assert {name: after[name] for name in before} == before
        assert new == ({"runs"} if attempt.trains else set())
    assert not (folder.parent / "evil.py").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(b"", id="D17-changed-meanwhile-removed", marks=pytest.mark.nightly),
        pytest.param(b"another file", id="D17-changed-meanwhile-replaced"),
    ],
)
def test_images_that_change_during_a_run_end_it(instead, folder, capfd):
    command = ["fit", "own.yaml", "run_dir=run", "trainer.max_epochs=9"]
    command += ["callbacks.meanwhile={class: 'own:Meanwhile'}"]
    (folder / "strike.bin").write_bytes(instead)
    assert main(command) == 3
    said = capfd.readouterr().err
    assert "error: Images must not change during a run" in said
    assert "train/cat/cat-00" in said.rpartition("error: ")[2]
    hidden = list(folder.glob("train/cat/*.hidden"))
    assert len(hidden) == 6  # the fault took place
    assert (folder / "run/checkpoints/last.txt").exists()
    assert not (folder / "run/model.keras").exists()
    (folder / "strike.bin").unlink()
    for path in hidden:
        path.replace(path.with_suffix(".png"))
    assert main(command) == 0
    assert (folder / "run/model.keras").exists()


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux only")
def test_inspecting_huge_images_takes_little_memory(folder):
    giants(folder)
    paths = [str(path) for path in sorted(folder.glob("train/*/*"))]
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = largest_memory_kib()
    records = inspect_files(paths, None)
    assert sum(bool(record.problem) for record in records) == 4
    assert largest_memory_kib() - before < 100_000  # any of them is 400 MB, decoded


@pytest.mark.slow
def test_harmful_class_names_are_escaped_in_csv_tables(folder):
    harmful = next(row for row in ROWS if row.inject.__name__ == "harmful_names")
    harmful.inject(folder)
    assert main(["fit", "own.yaml", *harmful.attempts[1].settings, "run_dir=run"]) == 0
    assert (folder / "run/classes.txt").read_text().splitlines() == sorted(HARMFUL)
    for table in (folder / "run").glob("*.csv"):
        with open(table, newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]
    with open(folder / "run/split.csv", newline="") as file:
        classes = {row["class"] for row in csv.DictReader(file)}
    assert classes == {name.replace("=cmd", "'=cmd") for name in HARMFUL}


def test_data_faults_document_is_up_to_date():
    assert DOCUMENT.read_text(encoding="utf-8") == document(), (
        "write it again: python tests/fault_document.py"
    )
