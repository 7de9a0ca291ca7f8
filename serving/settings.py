"""Defines the settings of a server: address, and limits of size, number and time."""

import re
from dataclasses import dataclass, field, fields

from ..core.errors import ConfigError, message

_MIN_TOKEN_CHARACTERS = 16
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_HIGHEST_PORT = 65_535  # the system takes a higher one modulo 65,536
_MAY_BE_ZERO = ("port", "max_wait_ms", "max_restarts")


@dataclass(frozen=True)
class ServeSettings:
    """Settings of `keraunos serve`.

    Attributes:
        host: Address to listen on. Other machines can connect only if it is not a
            loopback address.
        port: Port to listen on; 0 for any free port.
        workers: Number of processes, each with its own copy of the model.
        name: Name of the model in URLs; by default that of the run or export.
        version: Version of the model, an integer; by default derived from its digest, so
            that another model has another version.
        max_batch_images: Maximum number of images in one call of the model.
        max_wait_ms: How long the first image of a batch waits for others.
        max_queue_images: Maximum number of waiting images; further requests get status
            429.
        max_request_images: Maximum number of images in one request; larger requests get
            status 413.
        max_body_megabytes: Maximum size of a request; larger requests get status 413.
        max_pending_megabytes: Maximum total size of the requests that are being read or
            answered; further requests get status 429.
        max_connections: Maximum number of open connections; further ones are closed.
        timeout_seconds: Maximum time from reading a request to its answer; then the
            request gets status 504. A worker that takes twice as long for a batch is
            replaced.
        header_seconds: Maximum time to receive the header of a request; then the
            connection is closed.
        body_seconds: Maximum time to receive the body of a request; then the request gets
            status 408.
        keep_alive_seconds: How long a connection without a request stays open.
        stop_seconds: Time to finish pending requests when the server is stopped.
        start_seconds: Time for a worker to load the model.
        max_restarts: Maximum number of consecutive restarts of a worker that has not
            answered any request; then the server ends if no other worker is left.
        token: Secret that requests must send as `Authorization: Bearer TOKEN`; None
            accepts all requests.

    Raises:
        ConfigError: Something is out of range.

    Example:
        >>> ServeSettings(max_wait_ms=0.0).max_batch_images
        32
    """

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    name: str | None = None
    version: int | None = None
    max_batch_images: int = 32
    max_wait_ms: float = 2.0
    max_queue_images: int = 512
    max_request_images: int = 64
    max_body_megabytes: float = 16.0
    max_pending_megabytes: float = 256.0
    max_connections: int = 512
    timeout_seconds: float = 30.0
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    keep_alive_seconds: float = 15.0
    stop_seconds: float = 30.0
    start_seconds: float = 300.0
    max_restarts: int = 5
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        problems = [*self._out_of_range(), *self._contradictions()]
        if problems:
            raise ConfigError(" ".join(problems))

    def _out_of_range(self) -> list[str]:
        """Returns messages about limits out of range, including NaN and infinity."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        numbers = {
            name: value
            for name, value in values.items()
            if isinstance(value, int | float) and name != "version"
        }
        return [
            message(f"`{name}` must be {_range(name)}.", **{name: value})
            for name, value in numbers.items()
            if not (0 <= value < 1e9 and (value or name in _MAY_BE_ZERO))
        ]

    def _contradictions(self) -> list[str]:
        found = []
        if self.port > _HIGHEST_PORT:
            found.append(
                message(f"`port` must be at most {_HIGHEST_PORT}.", port=self.port)
            )
        if self.max_queue_images < self.max_request_images:
            found.append(
                message(
                    "`max_queue_images` must be at least `max_request_images`.",
                    max_queue_images=self.max_queue_images,
                    max_request_images=self.max_request_images,
                )
            )
        if self.name is not None and not _NAME.fullmatch(self.name):
            found.append(
                message(
                    "`name` must consist of letters, digits, dots, hyphens and "
                    "underscores, as it is part of URLs.",
                    name=self.name,
                )
            )
        if self.version is not None and not 0 < self.version < 2**63:
            found.append(message("`version` must be above 0.", version=self.version))
        if self.token is not None and not _is_token(self.token):
            found.append(
                "The token must have at least "
                f"{_MIN_TOKEN_CHARACTERS} printable ASCII characters and no spaces."
            )
        return found


def _range(name: str) -> str:
    return "0 or above" if name in _MAY_BE_ZERO else "above 0"


def _is_token(token: str) -> bool:
    is_plain = token.isascii() and token.isprintable() and " " not in token
    return is_plain and len(token) >= _MIN_TOKEN_CHARACTERS
