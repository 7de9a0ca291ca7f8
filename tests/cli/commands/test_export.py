import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import SECONDS_AT_MOST, contents, environment_without_keraunos
from keraunos.core.checked_files import write_checked_json
from keraunos.core.errors import ConfigError
from keraunos.core.files import sha256_of_file
from keraunos.data.synthetic.lesions import KINDS
from keraunos.evaluation.calibration.scaling import Correction
from keraunos.export.corrected import corrected_models
from keraunos.export.formats.litert import LITERT
from onnxruntime import InferenceSession

TEMPERATURE = 2.5


@pytest.fixture
def run(small_run, tmp_path) -> Path:
    """A finished run with a calibration."""
    copy = tmp_path / "run"
    shutil.copytree(small_run, copy)
    write_correction_of(copy)
    return copy


def write_correction_of(run: Path) -> None:
    document = {
        "kind": "temperature",
        "temperature": TEMPERATURE,
        "classes": list(KINDS),
        "model_sha256": sha256_of_file(run / "model.keras"),
    }
    write_checked_json(run / "calibration.json", document)


def images() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (5, 32, 32, 3)).astype("float32")


def session_of(folder: Path) -> InferenceSession:
    """Opens the model of an export in ONNX Runtime."""
    file = json.loads((folder / "model.json").read_text())["file"]
    return InferenceSession(folder / file, providers=["CPUExecutionProvider"])


@pytest.mark.slow
@pytest.mark.feature("export")
def test_calibrated_export_corrects_probabilities_and_keeps_run_unchanged(keraunos, run):
    before = contents(run)
    answer = keraunos("export", run, "--calibrated", "--format", "onnx")
    assert answer.code == 0, answer.err
    folder = run / "export" / "onnx-calibrated"
    assert f"written: {folder}\nnext: keraunos serve {run}\n" in answer.err
    plain = keras.models.load_model(run / "model.keras").predict(images(), verbose=0)
    found = session_of(folder).run(None, {"images": images()})[0]
    assert found == pytest.approx(
        Correction("temperature", TEMPERATURE).apply(plain), abs=1e-5
    )
    description = json.loads((folder / "model.json").read_text())
    assert description["applied_in_graph"] is True
    assert description["classes"] == list(KINDS)
    parity = json.loads((folder / "parity.json").read_text())
    assert (parity["split"], parity["images"]) == ("test", 12)
    assert parity["agreement"] == 1.0
    after = contents(run)
    assert {name: after[name] for name in before} == before
    assert {Path(name).parts[0] for name in set(after) - set(before)} == {"export"}


@pytest.mark.slow
def test_other_formats_are_exported_when_one_fails(keraunos, run, monkeypatch):
    def fail(model, description, directory):
        (directory / "model.tflite").write_bytes(b"half")
        raise ConfigError("The model must be convertible to litert.")

    monkeypatch.setattr(
        "keraunos.export.formats.litert.LITERT", replace(LITERT, write=fail)
    )
    answer = keraunos("export", run, "--format", "litert,onnx", "--out", "exports")
    assert answer.code == 2
    assert "1 of 2 formats were not exported. litert: The model must be" in answer.err
    exports = run.parent / "exports"
    assert f"written: {exports / 'onnx'}" in answer.err
    assert [*exports.iterdir()] == [exports / "onnx"]
    document = json.loads((exports / "onnx" / "model.json").read_text())
    assert document["applied_in_graph"] is False
    assert document["correction"] == {"kind": "temperature", "temperature": TEMPERATURE}
    parity = json.loads((exports / "onnx" / "parity.json").read_text())
    assert (parity["images"], parity["split"], parity["agreement"]) == (12, "test", 1.0)
    assert parity["largest_difference"] <= 1e-5


def gone(row):
    return {**row, "path": "/nowhere/1.png", "sha256": "1" * 64}


def changed(row):
    return {**row, "sha256": "1" * 64}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [(gone, "1 are missing and 0 changed"), (changed, "0 are missing and 1 changed")],
)
def test_missing_or_changed_test_images_exit_with_code_3(keraunos, run, change, words):
    table = run / "split.csv"
    with table.open(newline="") as file:
        rows = [*csv.DictReader(file)]
    place = next(place for place, row in enumerate(rows) if row["split"] == "test")
    rows[place] = change(rows[place])
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    answer = keraunos("export", run, "--format", "onnx")
    assert answer.code == 3
    assert words in answer.err
    assert not (run / "export").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--format", "onnx,onxx"], "Did you mean onnx?"),
        (["run", "--format", "keras", "--int8"], "Formats with int8 are onnx"),
        (["run", "--format", "onnx", "--max-loss", "0.1"], "`--max-loss` is for int8"),
        (["run", "--out", "run/config.yaml"], "must be writable"),
        (
            ["run", "--out", "run/config.yaml/exports"],
            "must be writable",
        ),
        (["run", "--out", "taken"], "its own directory"),
        (["run", "run2"], "belongs to none of them"),
    ],
)
def test_invalid_arguments_are_reported_before_tensorflow_is_loaded(
    keraunos, run, monkeypatch, arguments, words
):
    (run.parent / "taken" / "keras").mkdir(parents=True)
    (run.parent / "taken" / "keras" / "model.keras").write_text("mine")
    shutil.copytree(run, run.parent / "run2")
    monkeypatch.setattr("keraunos.cli.commands.export.load_tensorflow", None)
    before = contents(run.parent)
    answer = keraunos("export", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err
    assert contents(run.parent) == before


def without_correction(run):
    (run / "calibration.json").unlink()


def with_another_model(run):
    with (run / "model.keras").open("ab") as file:
        file.write(b"\0")


def with_a_damaged_correction(run):
    (run / "calibration.json").write_text("{")


def with_a_link(run):
    (run.parent / "elsewhere").mkdir()
    (run / "export").symlink_to(run.parent / "elsewhere")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (without_correction, 2, ["must have a calibration.json", "keraunos test"]),
        (with_another_model, 2, ["must belong to the current model"]),
        (with_a_damaged_correction, 4, ["calibration.json must be as it was"]),
        (with_a_link, 2, ["must be a directory"]),
    ],
)
def test_failed_calibrated_export_writes_nothing(keraunos, run, change, code, words):
    change(run)
    before = contents(run)
    answer = keraunos("export", run, "--calibrated")
    assert answer.code == code
    assert answer.err.startswith("error: ")
    assert all(word in answer.err for word in words)
    files = {name: digest for name, digest in contents(run).items() if digest}
    assert files == {name: digest for name, digest in before.items() if digest}


@pytest.mark.slow
def test_calibrated_model_is_not_calibrated_twice(keraunos, run):
    model = keras.models.load_model(run / "model.keras")
    correction = Correction("temperature", TEMPERATURE)
    next(corrected_models(model, correction, (32, 32, 3))).save(run / "model.keras")
    write_correction_of(run)
    answer = keraunos("export", run, "--calibrated", "--format", "onnx")
    assert answer.code == 2
    assert "already calibrated" in answer.err
    assert not (run / "export").exists()


@pytest.mark.nightly
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_interrupted_export_keeps_the_previous_export(run, number, code):
    """The signal arrives during an export in its own process."""
    command = [sys.executable, "-m", "keraunos", "export", str(run), "--format", "onnx"]
    subprocess.run(command, check=True)
    before = contents(run)
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        while not [*run.glob("export/.onnx-*/predict.py")]:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        assert (
            process.wait(timeout=SECONDS_AT_MOST)
            == {signal.SIGTERM: 143, signal.SIGINT: 130}[number]
        )
    finally:
        process.kill()
    assert contents(run) == before


LOADED = """
import importlib.util, sys
import keras, numpy as np

assert importlib.util.find_spec("keraunos") is None
model = keras.models.load_model(sys.argv[1], safe_mode=True)
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
"""


@pytest.mark.nightly
def test_calibrated_export_loads_without_keraunos_installed(
    keraunos, finished_run, tmp_path
):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    write_correction_of(run)
    assert keraunos("export", run, "--calibrated", "--output", "copy").code == 0
    np.save(tmp_path / "images.npy", images())
    python = environment_without_keraunos(tmp_path / "environment")
    command = [
        python,
        "-I",
        "-c",
        LOADED,
        "copy/keras-calibrated/model.keras",
        "images.npy",
        "found.npy",
    ]
    subprocess.run(command, cwd=tmp_path, check=True)
    plain = keras.models.load_model(run / "model.keras").predict(images(), verbose=0)
    wanted = Correction("temperature", TEMPERATURE).apply(plain)
    assert np.load(tmp_path / "found.npy") == pytest.approx(wanted, abs=1e-5)
