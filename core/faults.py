"""Named points at which tests can kill the process, to examine what is left.

They have no effect unless `KERAUNOS_KILL_AT` names a point: `before-manifest`, or
`before-manifest:3` for the third time that it is reached.
"""

import os
import signal

VARIABLE = "KERAUNOS_KILL_AT"

_times_reached: dict[str, int] = {}


def fault_point(name: str) -> None:
    """Kills the process with SIGKILL if `KERAUNOS_KILL_AT` names this point.

    Args:
        name: Name of the point; several places may share it.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    _times_reached[name] = _times_reached.get(name, 0) + 1
    if wanted in (f"{name}:{_times_reached[name]}", name):
        os.kill(os.getpid(), signal.SIGKILL)
