"""Measures and limits the memory of processes. Linux only."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

SECONDS_BETWEEN_CHECKS = 0.02
_KIB = 1024
# Without RssFile: the kernel can reclaim file pages when memory is short.
_OWN_PAGES = ("RssAnon:", "RssShmem:")


class WatchedProcess(NamedTuple):
    """The outcome of a process whose memory was watched.

    Attributes:
        code: The exit code; for a signal, minus its number.
        peak_bytes: The peak of its private memory in bytes.
        is_over_limit: Whether it was killed because it exceeded the limit.
        output: Its standard output.
        errors: Its standard error.
    """

    code: int
    peak_bytes: int
    is_over_limit: bool
    output: str
    errors: str


def own_bytes(process: int) -> int:
    """Returns the private memory of a process in bytes; 0 if it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    lines = (line.split() for line in status.splitlines())
    return sum(int(words[1]) * _KIB for words in lines if words[0] in _OWN_PAGES)


def available_bytes() -> int | None:
    """Returns the available memory of the system in bytes; None if unknown."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * _KIB if found else None


def run_watched(
    command: Sequence[str],
    limit_bytes: float | None = None,
    environment: Mapping[str, str] | None = None,
) -> WatchedProcess:
    """Runs a command, and kills it if it exceeds a memory limit.

    The command does not outlive this process.

    Args:
        command: The command to run.
        limit_bytes: Limit of its private memory in bytes; None for no limit.
        environment: Environment variables in addition to those of this process.
    """
    leash = [sys.executable, "-m", f"{__package__}.leash", str(os.getpid())]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*leash, *command],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
        try:
            peak, is_over_limit = _watch(process, limit_bytes)
        finally:
            process.kill()
            process.wait()
        texts = []
        for stream in (output, errors):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    return WatchedProcess(process.returncode, peak, is_over_limit, texts[0], texts[1])


def _watch(
    process: "subprocess.Popen[bytes]", limit_bytes: float | None
) -> tuple[int, bool]:
    """Returns the peak in bytes, and whether it exceeded the limit."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, own_bytes(process.pid))
        if limit_bytes is not None and peak > limit_bytes:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return peak, True
        time.sleep(SECONDS_BETWEEN_CHECKS)
    return peak, False
