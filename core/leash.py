"""Runs a command that is killed when the process that started it ends in any way.

    python -m keraunos.core.leash PARENT COMMAND...

Linux sends SIGKILL as soon as the parent has ended. This setting survives `exec`, by which
the command replaces this program.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
NOT_FOUND = 127


def end_with_parent(parent: int) -> None:
    """Makes the kernel kill this process when its parent ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it had already ended
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Replaces this program with the command; returns only if it can't be run."""
    parent, *command = sys.argv[1:]
    end_with_parent(int(parent))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"error: {command[0]} can't be run: {error.strerror}", file=sys.stderr)
    return NOT_FOUND


if __name__ == "__main__":
    sys.exit(main())
