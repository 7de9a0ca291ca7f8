import json

import pytest
from helpers import contents
from keraunos.core.errors import CheckpointError, ConfigError
from keraunos.evaluation.calibration.calibration import Calibration
from keraunos.evaluation.calibration.correction_file import (
    read_correction,
    write_correction,
)
from keraunos.evaluation.calibration.scaling import Correction
from keraunos.evaluation.evidence import Evidence
from simulated import simulated

CLASSES = ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def finding():
    evidence = Evidence(simulated(50, sharpness=2), simulated(60, sharpness=2, seed=1))
    return Calibration().evaluate(evidence)


@pytest.fixture
def run(tmp_path, finding):
    (tmp_path / "model.keras").write_bytes(b"weights")
    write_correction(tmp_path, finding)
    return tmp_path


def test_correction_round_trips_through_its_file(run, finding):
    wanted = Correction.from_json(finding.values["correction"])
    assert read_correction(run, CLASSES) == wanted
    document = json.loads((run / "calibration.json").read_text())
    assert document["fitted_on"] == {"split": "validation", "images": 60}
    assert document["after"]["nll"] == finding.values["after"]["nll"]


def test_writing_a_correction_changes_no_other_file_of_the_run(tmp_path, finding):
    (tmp_path / "model.keras").write_bytes(b"weights")
    before = contents(tmp_path)
    write_correction(tmp_path, finding)
    changed = {name for name, _ in set(contents(tmp_path).items()) - set(before.items())}
    assert {str(name) for name in changed} == {"calibration.json", ".checksums"}


def test_finding_without_a_correction_writes_nothing(tmp_path):
    write_correction(tmp_path, Calibration().evaluate(Evidence(simulated(20))))
    assert not list(tmp_path.iterdir())


def test_missing_correction_raises_with_the_command_to_create_it(tmp_path):
    with pytest.raises(ConfigError, match=r"must have a calibration.json.*keraunos test"):
        read_correction(tmp_path, CLASSES)


@pytest.mark.parametrize("change", ["model", "classes"])
def test_correction_of_another_model_is_rejected(run, change):
    if change == "model":
        (run / "model.keras").write_bytes(b"trained on")
    classes = CLASSES if change == "model" else ("a", "b", "d", "c")
    with pytest.raises(ConfigError, match="must belong to the current model"):
        read_correction(run, classes)


@pytest.mark.parametrize("text", ["[]", "{}", "", '{"kind": "temperature"}', "\0"])
def test_damaged_correction_raises_checkpoint_error(run, text):
    (run / "calibration.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"calibration.json must be as it was"):
        read_correction(run, CLASSES)
    (run / ".checksums").unlink()
    with pytest.raises(CheckpointError, match=r"calibration.json must be as it was"):
        read_correction(run, CLASSES)
