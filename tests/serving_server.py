"""A server and its workers as processes, with a NumPy model.

python serving_programs.py server '{"workers": 2, ...}'
python serving_programs.py worker DESCRIPTOR
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keraunos.core.errors import KeraunosError
from keraunos.serving.server import Address, listen, serve
from keraunos.serving.settings import ServeSettings
from serving_worker import start_worker


def run_server(settings: ServeSettings) -> int:
    listener = listen(settings.host, settings.port)
    address = Address(*listener.getsockname()[:2])

    print(f"listens {address}", flush=True)
    try:
        serve(listener, start_worker, settings, lambda _: print("ready", flush=True))
    except KeraunosError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


class Server:
    """A running server."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process = process
        self.url = url
        self.port = int(url.rpartition(":")[2])

    @property
    def workers(self) -> list[int]:
        """The processes that it has started."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(each) for each in children]

    def wait_until_ready(self) -> None:
        assert self._line() == "ready"

    def end(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal, and returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(20)

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextlib.contextmanager
def serving(environment: dict[str, str] | None = None, **settings: Any) -> Iterator[Server]:
    """Runs a server in its own process, on a free port."""
    arguments = json.dumps({"port": 0, **settings})
    process = subprocess.Popen(
        [sys.executable, __file__, arguments],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Server(process, process.stdout.readline().split()[1])
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    sys.exit(run_server(ServeSettings(**json.loads(sys.argv[1]))))
