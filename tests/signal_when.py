"""Runs the command line, and sends its process a signal once it reaches some point.

    python signal_when.py MODULE:NAME:STEP NUMBER RECORD COMMAND...

The signal NUMBER is sent as soon as NAME of `keraunos.MODULE`, a function or a method, is
called and the run has made STEP steps. RECORD is written just before: it shows that the
signal was sent, and when.

Inspecting a running thread from another one would need no cooperation, but would read
memory that is being changed.
"""

import faulthandler
import functools
import importlib
import os
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keraunos.cli import tensorflow


def after(function: Callable[..., Any], act: Callable[[], None]) -> Callable[..., Any]:
    """The function, with something to do when it has returned for the first time."""
    left = [act]

    @functools.wraps(function)
    def both(*arguments: Any, **named: Any) -> Any:
        returned = function(*arguments, **named)
        while left:
            left.pop()()
        return returned

    return both


def watch(place: str, number: int, record: Path) -> None:
    """Makes the named function send the signal when it is due."""
    from keraunos.callbacks import RunState

    module, name, step = place.split(":")
    *owners, name = name.split(".")
    owner = functools.reduce(getattr, owners, importlib.import_module(f"keraunos.{module}"))
    function, make = getattr(owner, name), RunState.__init__
    runs: list[RunState] = []

    @functools.wraps(make)
    def make_known(run: RunState, *arguments: Any, **named: Any) -> None:
        make(run, *arguments, **named)
        runs.append(run)

    @functools.wraps(function)
    def watched(*arguments: Any, **named: Any) -> Any:
        if runs[-1].step >= int(step) and not record.exists():
            record.write_text(f"{time.time()}")
            os.kill(os.getpid(), number)
        return function(*arguments, **named)

    RunState.__init__ = make_known  # type: ignore[method-assign]
    setattr(owner, name, watched)


SECONDS_UNTIL_STUCK = 180  # after which it prints where all threads are

if __name__ == "__main__":
    faulthandler.dump_traceback_later(SECONDS_UNTIL_STUCK)
    place, number, record, *command = sys.argv[1:]
    sys.argv[1:] = command
    sys.path[0] = os.getcwd()  # as `python -m keraunos` sets it
    # Before that, importing what is watched would load TensorFlow too early.
    tensorflow.load_tensorflow = after(
        tensorflow.load_tensorflow, lambda: watch(place, int(number), Path(record))
    )
    runpy.run_module("keraunos", run_name="__main__", alter_sys=True)
