import json
import time

import pytest
from hand_made_runs import end_fit, new_run
from keraunos.callbacks import Heartbeat
from keraunos.callbacks import heartbeat as module
from keraunos.core.errors import ConfigError


def read_heartbeat(path):
    return json.loads(path.read_text())


@pytest.mark.feature("heartbeat")
def test_heartbeat_shows_liveness_and_the_time_of_the_last_step(tmp_path):
    run, heartbeat = new_run(run_dir=tmp_path), Heartbeat(every_seconds=0.01)
    run.activity.step_done(7)
    run.activity.step_time = 1000.0
    heartbeat.on_fit_begin(run)
    first = read_heartbeat(tmp_path / "heartbeat.json")
    while read_heartbeat(tmp_path / "heartbeat.json")["time"] <= first["time"]:
        time.sleep(0.005)
    later = read_heartbeat(tmp_path / "heartbeat.json")
    assert (later["state"], later["step"], later["last_step_time"]) == ("running", 7, 1000)
    run.stop_reason = "max_epochs=9 is reached"
    end_fit(run, heartbeat)
    last = read_heartbeat(tmp_path / "heartbeat.json")
    assert (last["state"], last["stop_reason"]) == ("ended", run.stop_reason)
    assert last["last_step_time"] == 1000


@pytest.mark.parametrize(
    ("interrupted", "state"), [(True, "interrupted"), (False, "failed")]
)
def test_heartbeat_records_how_the_run_ended(tmp_path, interrupted, state):
    file = tmp_path / "beats" / "mine.json"
    file.parent.mkdir()
    run, heartbeat = new_run(), Heartbeat(file=file)
    heartbeat.on_fit_begin(run)
    run.is_interrupted = interrupted
    heartbeat.on_exception(run, ValueError("on purpose"))
    assert read_heartbeat(file)["state"] == state
    Heartbeat(file=file).on_fit_begin(new_run())  # its own is replaced
    assert read_heartbeat(file)["state"] == "running"


@pytest.mark.parametrize("content", ["my diary", "[1]", "{}"])
def test_unrelated_file_is_not_overwritten(tmp_path, content):
    file = tmp_path / "diary.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"callbacks\.heartbeat\.file="):
        Heartbeat(file=file).on_fit_begin(new_run())
    assert file.read_text() == content


def test_write_failure_is_reported_once(tmp_path, monkeypatch, capsys):
    def fail(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_json_atomic", fail)
    run, heartbeat = new_run(run_dir=tmp_path), Heartbeat()
    heartbeat.on_fit_begin(run)
    end_fit(run, heartbeat)
    assert capsys.readouterr().err.count("No space left on device") == 1
