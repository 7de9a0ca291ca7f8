"""Checks that users' functions accept the arguments that they will be called with.

Otherwise, they would fail later: within TensorFlow, or after hours in a rare hook.
"""

import inspect
from collections.abc import Callable, Collection, Sequence
from types import FunctionType, MethodType
from typing import Any

from .errors import ConfigError, message


def wrong_signatures(
    value: object, base: type, left_out: Collection[str] = ()
) -> list[str]:
    """Returns an error for each method that can't be called like the one it overrides.

    Args:
        value: An instance of a subclass of `base`.
        base: A class whose public methods are called with all arguments by position.
        left_out: Names of methods that are never called.

    Example:
        >>> class Callback:
        ...     def on_fit_end(self, run): ...
        >>> class Mine(Callback):
        ...     def on_fit_end(self): ...
        >>> print(wrong_signatures(Mine(), Callback)[0].partition(". ")[2])
        Received: Mine.on_fit_end='()'. Write def on_fit_end(self, run).
    """
    kind, messages = type(value).__name__, []
    for name, method in vars(base).items():
        if name.startswith("_") or name in left_out or not inspect.isfunction(method):
            continue
        own = getattr(value, name)
        if isinstance(own, MethodType) and own.__func__ is method:
            continue
        arguments = list(inspect.signature(method).parameters)
        if not _accepts(own, arguments[1:]):
            messages.append(
                message(
                    "A method must take the arguments it is called with.",
                    f"Write def {name}{_signature(method)}.",
                    **{f"{kind}.{name}": _signature(own)},
                )
            )
    return messages


def require_signature(
    function: Callable[..., Any], arguments: Sequence[str], setting: str, remedy: str
) -> None:
    """Requires that a function can be called with some arguments by position.

    Args:
        function: The user's function.
        arguments: Names of the arguments.
        setting: The setting or parameter that the function was passed as.
        remedy: What to do if it can't be called like this.

    Raises:
        ConfigError: The function does not accept these arguments.
    """
    if not _accepts(function, arguments):
        named = function if isinstance(function, FunctionType) else type(function)
        takes = f"the arguments ({', '.join(arguments)})" if arguments else "no arguments"
        raise ConfigError(
            message(
                f"A function passed as `{setting}` must take {takes}.",
                remedy,
                **{setting: f"{named.__name__}{_signature(function)}"},
            )
        )


def _accepts(function: Any, arguments: Sequence[str]) -> bool:
    if not callable(function):
        return False
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # not written in Python
        return True
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def _signature(function: Any) -> str:
    """Formats the signature of a function without annotations; for others, the repr."""
    if not callable(function):
        return repr(function)
    signature = inspect.signature(function)
    plain = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
    return str(inspect.Signature(plain))
