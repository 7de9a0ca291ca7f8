"""Runs the application on a socket until it is stopped."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import NamedTuple

import uvicorn

from ..core.errors import ConfigError, WorkerError, message, reason_of
from .app import app_of
from .guards.asgi import App
from .guards.connections import guarded
from .guards.host import HostGuard, is_loopback
from .service import Service
from .settings import ServeSettings
from .workers.jobs import WorkerLostError
from .workers.pool import Start

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_BACKLOG = 1024
_SPARE_SECONDS = 5  # to close connections, once all requests are answered


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def listen(host: str, port: int) -> socket.socket:
    """Opens the socket of a server.

    Raises:
        ConfigError: The address can't be used.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise ConfigError(
            message(
                f"The address must be free and belong to this machine: {reason_of(error)}.",
                "Choose another with --host and --port; --port 0 takes any free port.",
                host=host,
                port=port,
            )
        ) from None
    return listener


def serve(
    listener: socket.socket,
    start: Start,
    settings: ServeSettings,
    on_ready: Callable[[Service], None],
) -> None:
    """Serves until SIGINT or SIGTERM, then finishes pending requests.

    A second signal ends it at once.

    Args:
        listener: Socket that receives requests.
        start: Starts the worker with a number.
        settings: Limits.
        on_ready: Called once the first worker has opened the model.

    Raises:
        WorkerError: Workers ended repeatedly.
        SystemExit: The first worker could not open the model, which it has reported; with
            its exit code.
    """
    service = Service(start, settings)
    server = _Server(
        uvicorn.Config(
            _guarded_app(service),
            http=guarded(settings),
            ws="none",
            lifespan="on",
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=None,
            timeout_keep_alive=int(settings.keep_alive_seconds),
            timeout_graceful_shutdown=_SPARE_SECONDS,
        )
    )
    failure = asyncio.run(_run(server, service, listener, on_ready))
    if failure is not None:
        if failure.code is not None and failure.code > 0:
            raise SystemExit(failure.code)
        raise WorkerError(message(f"A worker {failure}; restarting it did not help."))


def _guarded_app(service: Service) -> App:
    """Returns the application; without a token, only for clients on this machine."""
    app, settings = app_of(service), service.settings
    is_open_here = settings.token is None and is_loopback(settings.host)
    return HostGuard(app) if is_open_here else app


class _Server(uvicorn.Server):
    """A server that does not handle signals itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures no signals."""
        yield


async def _run(
    server: uvicorn.Server,
    service: Service,
    listener: socket.socket,
    on_ready: Callable[[Service], None],
) -> WorkerLostError | None:
    """Serves until a signal, or until no worker can be started; returns why."""
    stop = asyncio.Event()
    for number in _STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, _on_signal, number, stop)
    serving = asyncio.create_task(server.serve([listener]))
    opening = asyncio.create_task(_open(service, on_ready))
    stopping = asyncio.create_task(stop.wait())
    failing = asyncio.create_task(service.failure())
    waiting = {serving, stopping, failing}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(service.settings.stop_seconds):
            await service.stop()
    server.should_exit = True
    await serving
    for task in (opening, stopping, failing):
        task.cancel()
    return failing.result() if failing.done() and not failing.cancelled() else None


async def _open(service: Service, on_ready: Callable[[Service], None]) -> None:
    await service.wait_until_ready()
    on_ready(service)


def _on_signal(number: int, stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(128 + number)
    stop.set()
