"""Runs the command line, and sends its process a signal once it is at some place.

    python signal_when.py FILE:FUNCTION:STEP NUMBER RECORD COMMAND...

The signal NUMBER is sent as soon as a thread is in FUNCTION of FILE, and the run has made
STEP steps. RECORD is written just before: it shows that the signal was sent, and when.
"""

import faulthandler
import os
import runpy
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType


def watch(place: str, number: int, record: Path) -> None:
    file, function, step = place.split(":")
    while not any(
        frame.f_code.co_name == function
        and frame.f_code.co_filename.endswith(f"/{file}")
        and steps_made() >= int(step)
        for frame in frames()
    ):
        time.sleep(0.001)
    record.write_text(f"{time.time()}")
    os.kill(os.getpid(), number)


def frames() -> Iterator[FrameType]:
    """What all threads are in at this moment, and who called it."""
    for innermost in sys._current_frames().values():
        frame: FrameType | None = innermost
        while frame is not None:
            yield frame
            frame = frame.f_back


def steps_made() -> int:
    """The steps of the run, as its loop knows them."""
    # Asking a frame for its locals copies all of them: only where there may be a run.
    held = [f for f in frames() if "run" in f.f_code.co_varnames + f.f_code.co_cellvars]
    runs = [frame.f_locals.get("run") for frame in held]
    return max((getattr(run, "step", 0) for run in runs), default=0)


SECONDS_UNTIL_STUCK = 180  # after which it says where all threads are

if __name__ == "__main__":
    faulthandler.dump_traceback_later(SECONDS_UNTIL_STUCK)
    place, number, record, *command = sys.argv[1:]
    sys.argv[1:] = command
    sys.path[0] = os.getcwd()  # as `python -m keraunos` has it
    arguments = (place, int(number), Path(record))
    threading.Thread(target=watch, args=arguments, daemon=True).start()
    runpy.run_module("keraunos", run_name="__main__", alter_sys=True)
