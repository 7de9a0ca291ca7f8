"""Runs converters without their output, and reports their errors."""

import contextlib
import io
import logging
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator

from ...core.errors import ConfigError, KeraunosError, message

_LOGGERS = ("tensorflow", "absl", "tf2onnx")
_STREAMS = (1, 2)


@contextlib.contextmanager
def converting(format: str) -> Iterator[None]:
    """Suppresses the output and logs of a converter.

    Args:
        format: Name of the format.

    Raises:
        ConfigError: The converter failed.
    """
    try:
        with _silence(), _quiet_loggers(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (KeraunosError, OSError, MemoryError):
        raise
    except Exception as error:  # each converter has its own error classes
        raise ConfigError(
            message(
                f"The model must be convertible to {format}.",
                "Another --format may work.",
                reason=_reason(error),
            )
        ) from error


def _reason(error: Exception) -> str:
    """Returns the error of a converter in one line, or the operations that LiteRT lacks."""
    unknown = re.findall(r"'tf\.(\w+)' op is neither", str(error))
    if unknown:
        return f"no such operation: {', '.join(sorted(set(unknown)))}"
    return " ".join(f"{type(error).__name__}: {error}".split())


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Discards standard output and error, including those of native code."""
    _flush()
    originals = [os.dup(stream) for stream in _STREAMS]
    try:
        with tempfile.TemporaryFile() as held:
            for stream in _STREAMS:
                os.dup2(held.fileno(), stream)
            with (
                contextlib.redirect_stdout(
                    io.StringIO()
                ),  # a notebook does not use these streams
                contextlib.redirect_stderr(io.StringIO()),
            ):
                yield
    finally:
        _flush()
        for stream, original in zip(_STREAMS, originals, strict=True):
            os.dup2(original, stream)
            os.close(original)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


@contextlib.contextmanager
def _quiet_loggers() -> Iterator[None]:
    """Suppresses warnings, which some handlers don't write to standard error."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
