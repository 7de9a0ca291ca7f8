"""Times several functions that take turns, so that all run under the same load."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import keras

Side = Callable[["EpochClock"], None]


class TurnTaker:
    """Runs threads in turns, one at a time, until all of them have finished.

    Args:
        names: Names of the threads, in the order of their turns.
    """

    def __init__(self, names: list[str]) -> None:
        self._order = list(names)
        self._changed = threading.Condition()

    def wait(self, name: str) -> None:
        """Waits for the turn of the thread `name`."""
        with self._changed:
            self._changed.wait_for(lambda: self._order[0] == name)

    def pass_on(self, name: str) -> None:
        """Passes the turn to the next thread."""
        with self._changed:
            self._order.append(self._order.pop(0))
            self._changed.notify_all()

    def leave(self, name: str) -> None:
        """Removes a thread from the rotation, even out of turn."""
        with self._changed:
            self._order.remove(name)
            self._changed.notify_all()


class EpochClock(keras.callbacks.Callback):
    """Measures the seconds of each epoch except the first, which traces.

    A turn lasts until the next epoch or the end of the thread, so that work between epochs
    and after the last does not slow the epochs of others.

    Args:
        turns: Rotation shared by all clocks.
        name: Name of this clock's thread.
    """

    def __init__(self, turns: TurnTaker, name: str) -> None:
        super().__init__()
        self._turns = turns
        self._name = name
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Waits for its next turn, and starts the clock."""
        if epoch > 0:
            self._turns.pass_on(self._name)
        self._turns.wait(self._name)
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Stops the clock."""
        if epoch > 0:
            self.seconds.append(time.perf_counter() - self._started)


def time_in_turns(sides: Mapping[str, Side]) -> dict[str, list[float]]:
    """Runs functions in separate threads, whose epochs take turns.

    Args:
        sides: Functions by name. Each calls both hooks of its clock around every epoch.

    Returns:
        For each side, the seconds of every epoch except the first.
    """
    turns = TurnTaker(list(sides))
    clocks = {name: EpochClock(turns, name) for name in sides}

    def run(name: str) -> None:
        try:
            sides[name](clocks[name])
        finally:
            turns.leave(name)

    with ThreadPoolExecutor(len(sides)) as threads:
        for running in [threads.submit(run, name) for name in sides]:
            running.result()
    return {name: clock.seconds for name, clock in clocks.items()}
