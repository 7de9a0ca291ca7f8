"""Failures of writing do not end a run that others only watch: they are reported once."""

import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

import tensorflow as tf

from ..core.console import notify

P = ParamSpec("P")


class Tolerance:
    """Within it, an error of writing is shown and goes no further.

    Once, until something was written again.

    Args:
        what: What can't be written then, and what follows from that.

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
        """Takes an error of writing; all others go on."""
        if not isinstance(error, OSError | tf.errors.OpError):
            self.is_failing = self.is_failing and error is not None
            return False
        if not self.is_failing:
            self.is_failing = True
            reason = str(error).strip().splitlines()[0]
            notify(f"{self.what} can't be written ({reason}); training continues")
        return True


class HasTolerance(Protocol):
    """A callback that tolerates errors of writing."""

    @property
    def tolerance(self) -> Tolerance:
        """Takes them."""

    def on_failed_write(self) -> None:
        """Called after one."""


H = TypeVar("H", bound=HasTolerance)


def tolerant(
    hook: Callable[Concatenate[H, P], None],
) -> Callable[Concatenate[H, P], None]:
    """Decorates a hook that writes, and without which training continues."""

    @functools.wraps(hook)
    def call(self: H, *args: P.args, **kwargs: P.kwargs) -> None:
        is_done = False
        with self.tolerance:
            hook(self, *args, **kwargs)
            is_done = True
        if not is_done:
            self.on_failed_write()

    return cast(Callable[Concatenate[H, P], None], call)


def tolerated(tolerance: Tolerance, job: Callable[..., Any]) -> Callable[..., None]:
    """A job of the background, an error of which does not end the fit."""

    def run(*args: Any) -> None:
        with tolerance:
            job(*args)

    return run
