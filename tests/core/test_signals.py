"""Signals are recorded, and the previous handlers are restored."""

import signal
import subprocess
import sys
import threading

import pytest
from helpers import SECONDS_AT_MOST
from keraunos.core.signals import STOPPING, stop_signals

# Announces that it is ready, then each signal that it has caught, and waits for more.
PROGRAM = """
import time
from keraunos.core.signals import stop_signals

with stop_signals() as stop:
    print("ready", flush=True)
    while stop.received is None:
        time.sleep(0.01)
    print(stop.received.name, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", STOPPING)
def test_signal_is_recorded_without_other_effects(number: signal.Signals) -> None:
    with stop_signals() as stop:
        assert stop.received is None
        signal.raise_signal(number)
        assert stop.received is number


def test_four_stop_signals_of_schedulers_are_caught() -> None:
    assert {each.name for each in STOPPING} == {"SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2"}


def test_handlers_are_restored_even_after_an_error() -> None:
    mine = lambda number, frame: None  # noqa: E731
    before = {number: signal.signal(number, mine) for number in STOPPING}
    try:
        with pytest.raises(ValueError, match="mine"), stop_signals():
            assert all(signal.getsignal(number) is not mine for number in STOPPING)
            raise ValueError("mine")
        assert all(signal.getsignal(number) is mine for number in STOPPING)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_nested_contexts_share_the_signal() -> None:
    mine = signal.getsignal(signal.SIGUSR1)
    with stop_signals() as outer:
        handler = signal.getsignal(signal.SIGUSR1)
        with stop_signals() as inner:
            signal.raise_signal(signal.SIGUSR1)
        assert outer.received is inner.received is signal.SIGUSR1
        assert signal.getsignal(signal.SIGUSR1) is handler
        with stop_signals() as later:
            assert later.received is signal.SIGUSR1
    assert signal.getsignal(signal.SIGUSR1) is mine
    with stop_signals() as another:
        assert another.received is None


def test_signal_callback_may_raise() -> None:
    def leave(number: int) -> None:
        raise LookupError(f"signal {number}")

    with stop_signals(then=leave) as stop:
        with pytest.raises(LookupError, match=f"signal {int(signal.SIGTERM)}"):
            signal.raise_signal(signal.SIGTERM)
        assert stop.received is signal.SIGTERM


def test_no_signal_is_caught_outside_the_main_thread() -> None:
    before = {number: signal.getsignal(number) for number in STOPPING}
    seen = []

    def look() -> None:
        with stop_signals() as stop:
            seen.append({number: signal.getsignal(number) for number in STOPPING})
            seen.append(stop.received)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before, None]


@pytest.mark.parametrize("second", STOPPING)
def test_a_second_signal_ends_the_process_at_once(second: signal.Signals) -> None:
    first = signal.SIGUSR1 if second is signal.SIGTERM else signal.SIGTERM
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(first)
        assert process.stdout.readline() == f"{first.name}\n"
        process.send_signal(second)
        assert process.wait(timeout=SECONDS_AT_MOST) == 128 + second
