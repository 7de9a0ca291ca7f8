"""Counts rejected connections, so that one line can report them."""

from .console import notify
from .counted import counted


class RejectionCounter:
    """Counts connections and calls that were rejected; they never end a run.

    Args:
        place: The endpoint that rejected them, for the message.

    Attributes:
        count: Number of rejected connections.

    Example:
        >>> rejections = RejectionCounter("the chief")
        >>> rejections.add("10.0.0.9")
        >>> rejections.count, str(rejections)
        (1, 'the chief refused 1 connection from strangers, the last from 10.0.0.9')
    """

    def __init__(self, place: str) -> None:
        self.count = 0
        self._place = place
        self._last = ""

    def add(self, address: str) -> None:
        """Counts a rejected connection."""
        self.count += 1
        self._last = address

    def report(self) -> None:
        """Reports rejected connections on standard error, if there were any."""
        if self.count:
            notify(f"note: {self}")

    def __str__(self) -> str:
        connections = counted(self.count, "connection")
        last = f", the last from {self._last}" if self._last else ""
        return f"{self._place} refused {connections} from strangers{last}"
