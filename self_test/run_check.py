"""Runs a check in a child process with a time limit."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from ..core.cluster import TF_CONFIG
from ..core.files import write_json_atomic
from ..core.processes import describe_exit
from .check import CheckSettings
from .verdict import Verdict

CHECKS = f"{__package__}.checks"
# Variables that would make a check a worker, or change its devices.
_REMOVED_VARIABLES = (TF_CONFIG, "SLURM_STEP_NODELIST", "KERAUNOS_CPU_DEVICES")
_LAST_BYTES = 2000


def run_check(module: str, settings: CheckSettings, limit_seconds: float) -> Verdict:
    """Runs a check, and kills it with all its processes at the time limit.

    Args:
        module: Full name of a module with a function `measure`.
        settings: Argument of `measure`; its folder must exist.
        limit_seconds: Time limit.

    Returns:
        The verdict; `"failed"` if the check crashed or did not end in time.
    """
    job, result = settings.folder / "job.json", settings.folder / "verdict.json"
    write_json_atomic(job, {"module": module, "settings": settings.to_json()})
    command = [sys.executable, "-m", f"{__package__}.child", str(job), str(result)]
    with (settings.folder / "output.txt").open("wb") as output:
        code = _run(command, settings.folder, output, limit_seconds)
    if code is None:
        return Verdict("failed", f"it did not end within {limit_seconds:.0f} s")
    if not result.exists():
        return Verdict("failed", f"it {describe_exit(code)}: {_last_line(output.name)}")
    return Verdict(**json.loads(result.read_text()))


def _run(command: list[str], folder: Path, output: Any, limit_seconds: float) -> int | None:
    """Returns the exit code of the process, or None if it reached the time limit."""
    leash = [sys.executable, "-m", "keraunos.core.leash", str(os.getpid())]
    process = subprocess.Popen(
        [*leash, *command],
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return process.wait(limit_seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kills the session of the process, which includes every process that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment(folder: Path) -> dict[str, str]:
    """Returns the environment of this process, without variables that affect the check."""
    inherited = {
        name: each for name, each in os.environ.items() if name not in _REMOVED_VARIABLES
    }
    own = {"KERAUNOS_CACHE_DIR": str(folder / "cache"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return inherited | own


def _last_line(file: str) -> str:
    text = Path(file).read_bytes()[-_LAST_BYTES:].decode(errors="replace")
    return (text.strip().splitlines() or ["it printed nothing"])[-1]
