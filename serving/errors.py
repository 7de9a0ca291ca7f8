"""Defines the error of a request, with its HTTP status."""

from typing import Any


class RequestError(Exception):
    """A request that is rejected; the message explains why.

    Args:
        status: HTTP status.
        reason: Message with what was expected and what to do.
        headers: Headers of the response; none by default.
    """

    def __init__(
        self, status: int, reason: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Supports pickling between processes."""
        return type(self), (self.status, self.reason, self.headers)
