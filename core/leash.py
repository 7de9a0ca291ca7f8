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


def main() -> int:
    """Becomes the command; returns only if there is none of that name."""
    parent, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it was gone before that
        return 128 + signal.SIGKILL
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"error: {command[0]} can't be run: {error.strerror}", file=sys.stderr)
    return NOT_FOUND


if __name__ == "__main__":
    sys.exit(main())
