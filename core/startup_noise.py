"""Hides the messages that TensorFlow logs while it starts."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

LEVEL_VARIABLE = "TF_CPP_MIN_LOG_LEVEL"
ERRORS_ONLY, NOTHING = "2", "3"

# TensorFlow logs these before it reads the variable.
_NOISE = re.compile(
    rb"^(I\d{4} |WARNING: All log messages before absl|To enable the following "
    rb"instructions|E\d{4} .*(cuInit|Unable to register cu)|W\d{4} .*(TF-TRT|cuda))"
)


@contextlib.contextmanager
def without_startup_noise(level: str = ERRORS_ONLY) -> Iterator[None]:
    """Hides what TensorFlow logs about itself when it is imported or looks for devices.

    Standard error is held back in the block; at its end, all lines that are not known
    messages of this kind are written.

    Args:
        level: What TensorFlow logs from now on, unless the user has set
            TF_CPP_MIN_LOG_LEVEL. If that is 0 or 1, nothing is hidden.
    """
    if os.environ.setdefault(LEVEL_VARIABLE, level) < ERRORS_ONLY or not _has_stderr():
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        original = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            os.close(original)
            held.seek(0)
            os.write(2, b"".join(line for line in held if not _NOISE.match(line)))


def _has_stderr() -> bool:
    try:
        os.fstat(2)
    except OSError:
        return False
    return sys.stderr is not None
