"""`keraunos serve` as a user starts it, for tests that need a real server."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_ADDRESS = re.compile(r": (http://\S+)$", re.MULTILINE)
_SECONDS = 120


@contextlib.contextmanager
def serving(model: Path, *options: str, folder: Path, **variables: str) -> Iterator[str]:
    """Runs the command until the block ends; yields the address.

    Args:
        model: A run or an export.
        *options: Options of the command; the port is any free one.
        folder: Its working directory, which also gets its log.
        **variables: Environment variables.
    """
    log = folder / "serve.log"
    command = [sys.executable, "-m", "keraunos", "serve", str(model), "--port", "0"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, *options],
            cwd=folder,
            env={**os.environ, **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _address(process, log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + _SECONDS
    while not (found := _ADDRESS.search(log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)
    return found[1]
