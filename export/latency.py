"""Measures the latency of several calls side by side."""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

WARM_UP_CALLS = 3
MIN_CALLS_FOR_P99 = 100  # with fewer, the slowest one would decide
_TURNS = 10


@dataclass
class Timings:
    """The durations of calls.

    Attributes:
        seconds: Duration of each call in seconds.
    """

    seconds: list[float] = field(default_factory=list)

    @property
    def p50_ms(self) -> float:
        """The median in milliseconds."""
        return float(np.median(self.seconds)) * 1e3

    @property
    def p99_ms(self) -> float | None:
        """The 99th percentile in milliseconds; None for fewer than 100 calls."""
        if len(self.seconds) < MIN_CALLS_FOR_P99:
            return None
        return float(np.quantile(self.seconds, 0.99)) * 1e3

    @property
    def calls_per_second(self) -> float:
        """The number of calls per second of their total duration."""
        return len(self.seconds) / math.fsum(self.seconds)


def time_side_by_side(
    calls: Sequence[Callable[[], object]],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Timings]:
    """Times several calls in alternation.

    All are warmed up first. Then each has ten turns of a tenth of its time, in a random
    order per round, so that a slow phase of the machine affects all equally. The first call
    of a turn is not timed, since the previous turn may slow it down.

    Args:
        calls: The calls to time.
        seconds: Time for each in seconds. A call that takes longer than its turn is made
            once per turn.
        clock: Returns the time in seconds.

    Returns:
        The timings of each, of at least ten calls.

    Example:
        >>> one, other = time_side_by_side([lambda: sum(range(9)), lambda: None], 0.01)
        >>> one.p50_ms >= 0 and len(other.seconds) >= 10
        True
    """
    for call in calls:
        for _ in range(WARM_UP_CALLS):
            call()
    order = random.Random(0)
    found = [Timings() for _ in calls]
    for _ in range(_TURNS):
        for place in order.sample(range(len(calls)), len(calls)):
            calls[place]()
            _take_turn(calls[place], found[place], seconds / _TURNS, clock)
    return found


def _take_turn(
    call: Callable[[], object],
    timings: Timings,
    seconds: float,
    clock: Callable[[], float],
) -> None:
    started = begun = clock()
    while True:
        call()
        ended = clock()
        timings.seconds.append(ended - begun)
        if ended - started >= seconds:
            return
        begun = ended
