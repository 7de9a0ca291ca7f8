"""How a model is served: limits of size, number and time."""

import re
from dataclasses import dataclass, field, fields

from ..core.errors import ConfigError, message

_MIN_TOKEN_CHARACTERS = 16
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_HIGHEST_PORT = 65_535  # the system takes a higher one modulo 65,536
_MAY_BE_ZERO = ("port", "max_wait_ms", "max_restarts")


@dataclass(frozen=True)
class ServeSettings:
    """How a model is served.

    Attributes:
        host: Address to listen on. Others than this machine reach it only if it is not a
            loopback address.
        port: To listen on; 0 for any that is free.
        workers: Processes that own a copy of the model.
        name: Of the model in addresses; that of the run or export by default.
        version: Of the model, a whole number; by default made of its digest, so that
            another model has another.
        max_batch_images: Most images that are answered in one call of the model.
        max_wait_ms: How long the first image of a batch waits for others.
        max_queue_images: Images that wait; requests beyond are refused with status 429.
        max_request_images: Images in one request; more are refused with status 413.
        max_body_megabytes: Size of a request; more is refused with status 413.
        max_pending_megabytes: Size of all requests that are being read or answered;
            requests beyond are refused with status 429.
        max_connections: Open connections; further ones are closed.
        timeout_seconds: From when a request is read to its answer; then its status is
            504. A worker that takes twice as long for a batch is replaced.
        header_seconds: Until the header of a request is there; then the connection is
            closed.
        body_seconds: Until the rest of a request is there; then its status is 408.
        keep_alive_seconds: How long a connection without a request stays open.
        stop_seconds: Time to finish what has begun when the server is stopped.
        start_seconds: Time for a worker to open the model.
        max_restarts: How often in a row a worker is started again that has answered
            nothing; then the server ends, if no other worker is left.
        token: Secret that requests must bring as `Authorization: Bearer TOKEN`; None
            serves everybody.

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
        """What is no number that a limit can be; NaN and infinity are none."""
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
                    "`max_queue_images` must have room for one request.",
                    max_queue_images=self.max_queue_images,
                    max_request_images=self.max_request_images,
                )
            )
        if self.name is not None and not _NAME.fullmatch(self.name):
            found.append(
                message(
                    "`name` must be letters, digits, dots, hyphens and underscores, as it "
                    "is a part of addresses.",
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
