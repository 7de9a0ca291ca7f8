"""Checks in their own processes: those that crash, hang or raise have failed."""

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
    """Settings of a check in a file of its own in `tmp_path`."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder = tmp_path / "folder"
    folder.mkdir()
    return CheckSettings(DeviceLayout("CPU"), folder=folder)


@pytest.mark.slow
def test_crashing_check_fails(settings, tmp_path):
    (tmp_path / "crashing.py").write_text(CRASHING)
    verdict = run_check("crashing", settings, limit_seconds=60)
    assert verdict.status == "failed"
    assert verdict.summary == "it was ended by SIGABRT: about to abort"


@pytest.mark.slow
def test_hanging_check_is_killed_with_its_child_processes(settings, tmp_path):
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
        raise AssertionError("its child is still running")


@pytest.mark.slow
def test_raising_check_fails_with_the_error(settings, tmp_path):
    (tmp_path / "raising.py").write_text("raise ValueError('no such number: 7')\n")
    verdict = run_check("raising", settings, limit_seconds=60)
    assert (verdict.status, verdict.summary) == ("failed", "ValueError: no such number: 7")


@pytest.mark.nightly
def test_machine_is_described_by_a_separate_process(settings, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{}")  # a check is none of those workers
    verdict = run_check("keraunos.self_test.machine", settings, limit_seconds=120)
    assert verdict.status == "passed", verdict.summary
    assert verdict.figures["cores"] == len(os.sched_getaffinity(0))
    assert verdict.figures["versions"]["keraunos"]
