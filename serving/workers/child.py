"""Runs in a worker process: does jobs until the server closes the connection."""

import io
import json
import signal
import socket
from collections.abc import Mapping
from typing import Any

from ...export.portable.model import Model
from .wire import LENGTH_BYTES, length_of, pack, pack_outcomes, unpack_jobs
from .work import Task, Work


def serve_parent(
    descriptor: int,
    model: Model,
    tasks: Mapping[str, Task] | None = None,
    warm_up_images: int = 1,
    digest: str = "",
) -> None:
    """Does the jobs of the parent process until it closes the connection.

    Args:
        descriptor: File descriptor of the connection.
        model: The model.
        tasks: Further tasks; see `create_app`.
        warm_up_images: Size of the largest batch, for warming up.
        digest: Digest of the files of the model, if its document has none.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # the server ends this process
        signal.signal(number, signal.SIG_IGN)
    work = Work(model, tasks or {})
    work.warm_up(warm_up_images)
    with socket.socket(fileno=descriptor) as connection:
        stream = connection.makefile("rb")
        opened = {"document": dict(model.document), "digest": digest}
        _send(connection, pack(opened | {"tasks": sorted(work.tasks)}))
        while (message := _read(stream)) is not None:
            _send(connection, pack_outcomes(work.do(unpack_jobs(*message))))
    work.close()


def _send(connection: socket.socket, parts: list[Any]) -> None:
    for part in parts:
        connection.sendall(part)


def _read(stream: io.BufferedReader) -> tuple[dict[str, Any], list[bytes]] | None:
    """Returns the next message, or None if the server is gone."""
    prefix = stream.read(LENGTH_BYTES)
    if len(prefix) < LENGTH_BYTES:
        return None
    header = json.loads(stream.read(length_of(prefix)))
    return header, [stream.read(length) for length in header["blobs"]]
