"""How long calls take, measured side by side."""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

WARM_UP_CALLS = 3
LEAST_FOR_P99 = 100  # calls; of fewer, the slowest one would decide
_TURNS = 10


@dataclass
class Timings:
    """How long each call took.

    Attributes:
        seconds: Of each call.
    """

    seconds: list[float] = field(default_factory=list)

    @property
    def p50_ms(self) -> float:
        """The median, in milliseconds."""
        return float(np.median(self.seconds)) * 1e3

    @property
    def p99_ms(self) -> float | None:
        """What 99 of 100 calls do not exceed, in milliseconds; None of too few calls."""
        if len(self.seconds) < LEAST_FOR_P99:
            return None
        return float(np.quantile(self.seconds, 0.99)) * 1e3

    @property
    def calls_per_second(self) -> float:
        """How many there were in a second of work."""
        return len(self.seconds) / math.fsum(self.seconds)


def time_side_by_side(
    calls: Sequence[Callable[[], object]],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Timings]:
    """Times several calls in one run.

    All are warmed up first. Then each has ten turns of a tenth of its time, in an order
    drawn again for each round, so that a slow phase of the machine falls on all alike. The
    first call of a turn does not count: it pays for what the call before has left behind.

    Args:
        calls: What to time.
        seconds: For each. A call that takes longer than its turn is made once in each.
        clock: Seconds that only grow.

    Returns:
        The timings of each, at least ten calls.

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
