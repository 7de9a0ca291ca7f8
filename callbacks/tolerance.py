"""Tolerates write errors, which are reported once and do not end a run."""

import functools
import re
from collections.abc import Callable
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

import tensorflow as tf

from ..core.console import notify

# The names of graph nodes that begin messages of TensorFlow.
_OF_TENSORFLOW = re.compile(r"\{\{.*?\}\}")

P = ParamSpec("P")


class Tolerance:
    """Context manager that reports and suppresses write errors.

    After an error, further ones are not reported until a write succeeds.

    Args:
        what: The subject of the message "... can't be written".

    Example:
        >>> with Tolerance("curves"):
        ...     print("written")
        written
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.is_failing = False

    def __enter__(self) -> "Tolerance":
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Suppresses a write error; other exceptions propagate."""
        if not isinstance(error, OSError | tf.errors.OpError):
            self.is_failing = self.is_failing and error is not None
            return False
        if not self.is_failing:
            self.is_failing = True
            reason = _OF_TENSORFLOW.sub("", str(error)).strip().splitlines()[0]
            notify(f"{self.what} can't be written ({reason}); training continues")
        return True


class HasTolerance(Protocol):
    """A callback that tolerates write errors."""

    @property
    def tolerance(self) -> Tolerance:
        """Handles write errors."""

    def after_failed_write(self) -> None:
        """Called after a write error."""


H = TypeVar("H", bound=HasTolerance)


def tolerant(
    hook: Callable[Concatenate[H, P], None],
) -> Callable[Concatenate[H, P], None]:
    """Decorates a hook whose write errors do not end training."""

    @functools.wraps(hook)
    def call(self: H, *args: P.args, **kwargs: P.kwargs) -> None:
        is_done = False
        with self.tolerance:
            hook(self, *args, **kwargs)
            is_done = True
        if not is_done:
            self.after_failed_write()

    return cast(Callable[Concatenate[H, P], None], call)


def tolerated(tolerance: Tolerance, job: Callable[..., Any]) -> Callable[..., None]:
    """Wraps a background job so that its write errors do not end the fit."""

    def run(*args: Any) -> None:
        with tolerance:
            job(*args)

    return run
