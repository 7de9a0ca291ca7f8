"""What a process of this machine holds in memory, and a watch over it. Linux only."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

SECONDS_BETWEEN_LOOKS = 0.02
_KIB = 1024
# Not RssFile: those are pages of files, which the system takes back when it needs memory.
_OWN_PAGES = ("RssAnon:", "RssShmem:")


class Watched(NamedTuple):
    """How a process went that was watched.

    Attributes:
        code: Its exit code; minus the number of a signal that ended it.
        peak_bytes: The most memory of its own that it was seen to hold.
        is_over_limit: Whether it was ended because that was more than the limit.
        output: What it wrote to standard output.
        errors: What it wrote to standard error.
    """

    code: int
    peak_bytes: int
    is_over_limit: bool
    output: str
    errors: str


def own_bytes(process: int) -> int:
    """Memory of a process alone that no file is behind; 0 if the process is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    lines = (line.split() for line in status.splitlines())
    return sum(int(words[1]) * _KIB for words in lines if words[0] in _OWN_PAGES)


def available_bytes() -> int | None:
    """Memory that processes can take before the system is short of it; None if unknown."""
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
) -> Watched:
    """Runs a command to its end, or ends it when it holds more memory than it may.

    The command does not outlive this process.

    Args:
        command: What to run.
        limit_bytes: Memory of its own that it may hold; None for any amount.
        environment: Variables in addition to those of this process.
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
    return Watched(process.returncode, peak, is_over_limit, texts[0], texts[1])


def _watch(
    process: "subprocess.Popen[bytes]", limit_bytes: float | None
) -> tuple[int, bool]:
    """The peak, and whether it was over the limit."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, own_bytes(process.pid))
        if limit_bytes is not None and peak > limit_bytes:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return peak, True
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return peak, False
