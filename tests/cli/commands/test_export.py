import json
import shutil
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import contents, environment_without_keraunos
from keraunos.core.checked_files import write_checked_json
from keraunos.core.files import sha256_of_file
from keraunos.data.synthetic.lesions import KINDS
from keraunos.evaluation.calibration.scaling import Correction

TEMPERATURE = 2.5


@pytest.fixture
def run(small_run, tmp_path) -> Path:
    """A finished run with a correction of its probabilities."""
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


@pytest.mark.slow
@pytest.mark.feature("export")
def test_a_calibrated_export_corrects_probabilities_and_leaves_the_run_alone(keraunos, run):
    before = contents(run)
    answer = keraunos("export", run, "--calibrated")
    assert answer.code == 0, answer.err
    folder = run / "export" / "keras-calibrated"
    assert f"written: {folder}" in answer.err
    plain = keras.models.load_model(run / "model.keras").predict(images(), verbose=0)
    found = keras.models.load_model(folder / "model.keras").predict(images(), verbose=0)
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
    ("change", "output", "code", "words"),
    [
        (without_correction, None, 2, ["must have a calibration.json", "keraunos test"]),
        (with_another_model, None, 2, ["must be of the model that the run has now"]),
        (with_a_damaged_correction, None, 4, ["calibration.json must be as it was"]),
        (with_a_link, None, 2, ["must be a directory"]),
        (None, "run/model.keras", 2, ["must be a directory"]),
    ],
)
def test_what_can_not_be_exported_is_an_error_that_writes_nothing(
    keraunos, run, change, output, code, words
):
    if change is not None:
        change(run)
    before = contents(run)
    place = [] if output is None else ["--output", output]
    answer = keraunos("export", run, "--calibrated", *place)
    assert answer.code == code
    assert answer.err.startswith("error: ")
    assert all(word in answer.err for word in words)
    files = {name: digest for name, digest in contents(run).items() if digest}
    assert files == {name: digest for name, digest in before.items() if digest}


def test_an_export_that_takes_the_place_of_a_run_s_model_is_not_corrected_twice(
    keraunos, run
):
    assert keraunos("export", run, "--calibrated").code == 0
    exported = run / "export" / "keras-calibrated" / "model.keras"
    shutil.copyfile(exported, run / "model.keras")
    write_correction_of(run)
    answer = keraunos("export", run, "--calibrated", "--output", "twice")
    assert answer.code == 2
    assert "corrected already" in answer.err


LOADED = """
import importlib.util, sys
import keras, numpy as np

assert importlib.util.find_spec("keraunos") is None
model = keras.models.load_model(sys.argv[1], safe_mode=True)
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
"""


@pytest.mark.nightly
def test_a_calibrated_export_opens_where_there_is_no_keraunos(
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
