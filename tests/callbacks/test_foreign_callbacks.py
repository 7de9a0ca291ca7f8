"""Third-party Keras callbacks run unchanged, on two replicas."""

import json
from importlib.util import find_spec

import pytest
from foreign_loggers import EPOCHS, log_with_mlflow, log_with_wandb
from programs import Program

pytestmark = pytest.mark.slow

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy", "gradient_norm", "seconds")


def needs(package):
    return pytest.mark.skipif(find_spec(package) is None, reason=f"needs {package}")


def run(program, folder, **environment):
    """What the fit returned, and what was logged."""
    output = folder / "output.txt"
    process = Program(program, folder, output=output, environment=environment)
    assert process.end() == 0, process.output
    result = json.loads((folder / "result.json").read_text())
    return result["history"], result["logged"]


@pytest.mark.nightly
@pytest.mark.feature("W&B and MLflow")
@needs("wandb")
def test_weights_and_biases_callback_logs_each_epoch(tmp_path):
    history, epochs = run(log_with_wandb, tmp_path, WANDB_MODE="offline")
    assert [values["epoch/epoch"] for values in epochs] == list(range(EPOCHS))
    for name in METRICS:
        logged = [values[f"epoch/{name}"] for values in epochs]
        assert logged == pytest.approx(history[name], rel=1e-9)
    rates = [values["epoch/learning_rate"] for values in epochs]
    assert rates == pytest.approx(history["learning_rate"])


@pytest.mark.nightly
@pytest.mark.feature("W&B and MLflow")
@needs("mlflow")
def test_mlflow_callback_logs_each_epoch(tmp_path):
    history, logged = run(log_with_mlflow, tmp_path, MLFLOW_ALLOW_FILE_STORE="true")
    for name in METRICS:
        expected = [[epoch, value] for epoch, value in enumerate(history[name])]
        assert logged[name] == expected
    assert [value for _, value in logged["validation_loss"]] == history["val_loss"]
