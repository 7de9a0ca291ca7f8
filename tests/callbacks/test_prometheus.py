import importlib.util
import re
import urllib.request

import pytest
from hand_made_runs import end_fit, new_run
from heard_events import listening
from keraunos.callbacks import Prometheus
from keraunos.core.errors import ConfigError
from keraunos.core.extras import install_command

needs_package = pytest.mark.skipif(
    importlib.util.find_spec("prometheus_client") is None, reason="of an extra"
)
PORT = 47_233


def test_install_command_is_suggested_if_the_package_is_missing(monkeypatch):
    monkeypatch.setattr("keraunos.callbacks.prometheus.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=re.escape(install_command("prometheus"))):
        Prometheus(port=PORT)


@needs_package
@pytest.mark.feature("prometheus")
def test_node_exporter_file_labels_values_with_the_run(tmp_path):
    file = tmp_path / "lesions.prom"
    prometheus = Prometheus(textfile=file)
    run = listening(new_run(run_dir=tmp_path / "runs" / "a"), prometheus)
    run.activity.step_done(7)
    run.metrics = {"val_loss": 0.25, "loss": float("nan")}
    prometheus.on_fit_begin(run)
    run.report("stall", "no step")
    end_fit(run, prometheus)
    text = file.read_text()
    assert 'keraunos_step{run="runs/a"} 7.0\n' in text
    assert 'keraunos_metric{name="val_loss",run="runs/a"} 0.25\n' in text
    assert 'keraunos_events{kind="stall",run="runs/a"} 1.0\n' in text
    assert 'keraunos_running{run="runs/a"} 0.0\n' in text
    assert "nan" not in text.lower()
    Prometheus(textfile=file).on_fit_begin(run)  # its own is replaced
    assert 'keraunos_running{run="runs/a"} 1.0\n' in file.read_text()


@needs_package
def test_local_port_is_served_and_released_and_a_port_in_use_is_reported(capsys):
    first, second, run = Prometheus(port=PORT), Prometheus(port=PORT), new_run()
    first.on_fit_begin(run)
    address = f"http://127.0.0.1:{PORT}/metrics"
    with urllib.request.urlopen(address, timeout=30) as answer:
        assert b"keraunos_last_step_timestamp_seconds" in answer.read()
    second.on_fit_begin(run)
    end_fit(run, second)
    assert f"127.0.0.1:{PORT} can't be used" in capsys.readouterr().err
    end_fit(run, first)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address, timeout=30)


@needs_package
def test_unrelated_file_is_not_overwritten(tmp_path):
    file = tmp_path / "other.prom"
    file.write_text("node_load1 0.5\n")
    with pytest.raises(ConfigError, match=r"callbacks\.prometheus\.textfile="):
        Prometheus(textfile=file).on_fit_begin(new_run())
    assert file.read_text() == "node_load1 0.5\n"
