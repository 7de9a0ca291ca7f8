"""The suggested next command for runs in every state."""

import json

import pytest
from keraunos.cli.next_command import next_command
from keraunos.cli.run_state import kind_of, state_of
from made_runs import made_run


def command(directory):
    kind = kind_of(directory)
    return next_command(directory, kind, state_of(directory, kind))


@pytest.mark.parametrize("event", ["interrupted", "failure", "checkpoint", None])
def test_unfinished_run_suggests_resuming(tmp_path, event):
    run = made_run(tmp_path / "a b", (0.5,), event)
    assert command(run) == f"keraunos fit --resume '{run}'"


def test_diverged_run_suggests_a_restart_with_a_smaller_learning_rate(tmp_path):
    settings = ("optimizer.learning_rate=0.5",)
    run = made_run(tmp_path / "a", (0.5,), "divergence", settings=settings)
    assert command(run) == f"keraunos fit {run}/config.yaml optimizer.learning_rate=0.05"


def test_run_with_custom_code_suggests_its_configuration(tmp_path):
    settings = ("model.backbone=own:network",)
    run = made_run(tmp_path / "a", (0.5,), "interrupted", settings=settings)
    assert command(run) == f"keraunos fit CONFIG run_dir={run}"


def test_unreadable_configuration_suggests_tensorboard(tmp_path):
    run = made_run(tmp_path / "a", (0.5,), "interrupted")
    (run / "config.yaml").write_bytes(b"\xff")
    assert command(run) == f"keraunos tensorboard {run}"


def test_finished_run_suggests_report_then_export_then_serve(tmp_path):
    run = made_run(tmp_path / "a", (0.5,), "end")
    assert command(run) == f"keraunos report {run}"
    (run / "report.html").touch()
    assert command(run) == f"keraunos export {run}"
    (run / "export").mkdir()
    assert command(run) == f"keraunos serve {run}"


def test_search_suggests_resuming_then_training_its_best_configuration(tmp_path):
    (tmp_path / "search.json").touch()
    trial = made_run(tmp_path / "trial-000", (0.5,), "interrupted")
    assert command(tmp_path) == f"keraunos search CONFIG run_dir={tmp_path}"
    assert command(trial) == command(tmp_path)  # a trial is not resumed by itself
    for typed, wanted in (
        (["/bin/keraunos", "search", "a.yaml", "run_dir=S"], "keraunos search a.yaml"),
        (["tune.py", "-v"], "python tune.py -v"),
        (["python -c"], "keraunos search CONFIG"),
    ):
        (trial / "environment.json").write_text(json.dumps({"command": typed}))
        place = "" if "python tune.py" in wanted else f" run_dir={tmp_path}"
        assert command(tmp_path) == f"{wanted}{place}"
    (tmp_path / "chosen.json").touch()
    (tmp_path / "best.yaml").touch()
    assert command(tmp_path) == f"keraunos fit {tmp_path}/best.yaml"
    refit = made_run(tmp_path / "refit", (0.5,), "end")
    assert command(tmp_path) == f"keraunos report {refit}"
