"""A check in its own process: what crashes, hangs or raises is a row that failed."""

import os
import time
from pathlib import Path

import pytest
from keraunos.self_test.check import CheckSettings
from keraunos.self_test.device_layout import DeviceLayout
from keraunos.self_test.run_check import run_check

# Nothing of these needs TensorFlow: modules are imported before devices are configured.
CRASHING = "import os\nprint('about to abort', flush=True)\nos.abort()\n"
HANGING = """
import os, subprocess, time
from pathlib import Path
child = subprocess.Popen(["sleep", "60"])
Path({file!r}).write_text(str(child.pid))
time.sleep(60)
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CheckSettings:
    """Of a check in its own file in `tmp_path`."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder = tmp_path / "folder"
    folder.mkdir()
    return CheckSettings(DeviceLayout("CPU"), folder=folder)


@pytest.mark.slow
def test_a_check_that_crashes_has_failed(settings, tmp_path):
    (tmp_path / "crashing.py").write_text(CRASHING)
    verdict = run_check("crashing", settings, limit_seconds=60)
    assert verdict.status == "failed"
    assert verdict.summary == "it was ended by SIGABRT: about to abort"


@pytest.mark.slow
def test_a_check_that_hangs_is_ended_with_all_that_it_started(settings, tmp_path):
    noted = tmp_path / "pid"
    (tmp_path / "hanging.py").write_text(HANGING.format(file=str(noted)))
    verdict = run_check("hanging", settings, limit_seconds=4)
    assert verdict.status == "failed"
    assert verdict.summary == "it did not end within 4 s"
    pid = int(noted.read_text())
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.05)
    else:
        os.kill(pid, 9)
        raise AssertionError("its child is left")


@pytest.mark.slow
def test_a_check_that_raises_has_failed_with_the_error(settings, tmp_path):
    (tmp_path / "raising.py").write_text("raise ValueError('no such number: 7')\n")
    verdict = run_check("raising", settings, limit_seconds=60)
    assert (verdict.status, verdict.summary) == ("failed", "ValueError: no such number: 7")


@pytest.mark.nightly
def test_the_machine_is_described_by_a_process_of_its_own(settings, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{}")  # a check is none of those workers
    verdict = run_check("keraunos.self_test.machine", settings, limit_seconds=120)
    assert verdict.status == "passed", verdict.summary
    assert verdict.figures["cores"] == len(os.sched_getaffinity(0))
    assert verdict.figures["versions"]["keraunos"]
