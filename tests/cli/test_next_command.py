"""What to type next of runs in every state."""

import json

import pytest
from keraunos.cli.next_command import next_command
from keraunos.cli.run_state import kind_of, state_of
from made_runs import made_run


def command(directory):
    kind = kind_of(directory)
    return next_command(directory, kind, state_of(directory, kind))


@pytest.mark.parametrize("event", ["interrupted", "failure", "checkpoint", None])
def test_what_is_not_finished_is_resumed(tmp_path, event):
    run = made_run(tmp_path / "a b", (0.5,), event)
    assert command(run) == f"keraunos fit --resume '{run}'"


def test_a_run_that_diverged_is_begun_again_with_a_smaller_learning_rate(tmp_path):
    settings = ("optimizer.learning_rate=0.5",)
    run = made_run(tmp_path / "a", (0.5,), "divergence", settings=settings)
    assert command(run) == f"keraunos fit {run}/config.yaml optimizer.learning_rate=0.05"


def test_a_run_with_code_of_its_own_is_resumed_with_its_configuration(tmp_path):
    settings = ("model.backbone=own:network",)
    run = made_run(tmp_path / "a", (0.5,), "interrupted", settings=settings)
    assert command(run) == f"keraunos fit CONFIG run_dir={run}"


def test_a_configuration_that_cannot_be_read_is_no_traceback(tmp_path):
    run = made_run(tmp_path / "a", (0.5,), "interrupted")
    (run / "config.yaml").write_bytes(b"\xff")
    assert command(run) == f"keraunos tensorboard {run}"


def test_a_finished_run_is_reported_then_exported_then_served(tmp_path):
    run = made_run(tmp_path / "a", (0.5,), "end")
    assert command(run) == f"keraunos report {run}"
    (run / "report.html").touch()
    assert command(run) == f"keraunos export {run}"
    (run / "export").mkdir()
    assert command(run) == f"keraunos serve {run}"


def test_a_search_goes_on_as_a_whole_and_then_trains_its_best(tmp_path):
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
