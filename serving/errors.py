"""Why a request is refused, as the status and the JSON of its answer."""

from typing import Any


class RequestError(Exception):
    """A request that gets no answer of the model; the message says why.

    Args:
        status: Of HTTP.
        reason: What was expected, and what to do.
        headers: Of the response.
    """

    def __init__(
        self, status: int, reason: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets it come back from another process."""
        return type(self), (self.status, self.reason, self.headers)
