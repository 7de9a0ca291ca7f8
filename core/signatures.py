"""Whether functions of users take the arguments that they will be called with.

What does not would fail later: within TensorFlow, or after hours, at a rare hook.
"""

import inspect
from collections.abc import Callable, Collection, Sequence
from types import FunctionType, MethodType
from typing import Any

from .errors import ConfigError, message


def wrong_signatures(
    value: object, base: type, left_out: Collection[str] = ()
) -> list[str]:
    """A message for each method that can't be called like the one it overrides.

    Args:
        value: Of a class that is based on `base`.
        base: Its public methods are called with all their arguments, by position.
        left_out: Methods that are never called.

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
        if not _takes(own, arguments[1:]):
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
    """Requires that a function can be called with some arguments, by position.

    Args:
        function: Of the user.
        arguments: Their names.
        setting: What the user calls the function.
        remedy: What to do if it can't.

    Raises:
        ConfigError: It can't.
    """
    if not _takes(function, arguments):
        named = function if isinstance(function, FunctionType) else type(function)
        takes = f"the arguments ({', '.join(arguments)})" if arguments else "no arguments"
        raise ConfigError(
            message(
                f"A function passed as `{setting}` must take {takes}.",
                remedy,
                **{setting: f"{named.__name__}{_signature(function)}"},
            )
        )


def _takes(function: Any, arguments: Sequence[str]) -> bool:
    if not callable(function):
        return False
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of what is not written in Python
        return True
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def _signature(function: Any) -> str:
    """What a function takes, without annotations; what is no function, as it stands."""
    if not callable(function):
        return repr(function)
    signature = inspect.signature(function)
    plain = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
    return str(inspect.Signature(plain))
