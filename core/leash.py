"""Runs a command that ends with the process that started it, however that ends.

    python -m keraunos.core.leash PARENT COMMAND...

Linux sends SIGKILL as soon as the parent is gone. It stays so when the command takes the
place of this program.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
NOT_FOUND = 127


def end_with_parent(parent: int) -> None:
    """Makes the system kill this process when its parent ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before that
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Becomes the command; returns only if there is none of that name."""
    parent, *command = sys.argv[1:]
    end_with_parent(int(parent))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"error: {command[0]} can't be run: {error.strerror}", file=sys.stderr)
    return NOT_FOUND


if __name__ == "__main__":
    sys.exit(main())
