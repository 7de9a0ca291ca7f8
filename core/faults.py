"""Named points at which a test can kill the process, to see what is left.

Nothing happens unless `KERAUNOS_KILL_AT` names a point, as `before-manifest` or, for the
third time that it is reached, `before-manifest:3`.
"""

import os
import signal

VARIABLE = "KERAUNOS_KILL_AT"

_times_reached: dict[str, int] = {}


def fault_point(name: str) -> None:
    """Dies by SIGKILL here if the environment asks for it.

    Args:
        name: Of the point; the same one may stand in several places.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    _times_reached[name] = _times_reached.get(name, 0) + 1
    if wanted in (f"{name}:{_times_reached[name]}", name):
        os.kill(os.getpid(), signal.SIGKILL)
