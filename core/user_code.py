"""Imports users' functions, and collects the arguments to call them with."""

import contextlib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from .errors import ConfigError, message
from .names import did_you_mean


@contextlib.contextmanager
def current_folder_first() -> Iterator[None]:
    """Puts the current folder first in the module search path within the block."""
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # imported code may have removed it
            sys.path.remove(folder)


def import_function(name: str, setting: str) -> Callable[..., Any]:
    """Imports a user's function or class, also from the current folder.

    Args:
        name: The name as `package.module:name`.
        setting: The setting that contains the name, for messages.

    Raises:
        ConfigError: There is nothing with this name.
    """
    module, _, attribute = name.partition(":")
    try:
        with current_folder_first():
            return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            message(
                f"`{setting}` must name something that can be imported ({error}).",
                "Is the folder of its package the current folder or on PYTHONPATH?",
                **{setting: name},
            )
        ) from None


def import_modules(names: Iterable[str]) -> None:
    """Imports users' modules, also from the current folder; ignores errors.

    Code that later resolves the names reports the errors.

    Args:
        names: Names as `package.module:name`.
    """
    with current_folder_first():
        for name in names:
            with contextlib.suppress(Exception):
                importlib.import_module(name.partition(":")[0])


def arguments_of(
    name: str,
    builder: Callable[..., Any],
    given: Mapping[str, Any],
    offered: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns the arguments to call a builder with.

    Args:
        name: The name of the builder, for messages.
        builder: The builder.
        given: The setting `model.arguments`, which takes precedence.
        offered: Further arguments, passed if the signature names them.

    Raises:
        ConfigError: A required argument is missing, or a given one is unknown.
    """
    try:
        parameters = inspect.signature(builder).parameters
    except (TypeError, ValueError):  # not written in Python
        return dict(given)
    kinds = inspect.Parameter
    named = {
        key: each
        for key, each in parameters.items()
        if each.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    }
    arguments = {key: value for key, value in offered.items() if key in named} | dict(given)
    takes_any = any(each.kind is kinds.VAR_KEYWORD for each in parameters.values())
    unknown = [] if takes_any else [key for key in given if key not in named]
    missing = [
        key
        for key, each in named.items()
        if each.default is each.empty and key not in arguments
    ]
    if unknown or missing:
        raise ConfigError(_mismatch(name, given, list(named), unknown, missing))
    return arguments


def _mismatch(
    name: str,
    given: Mapping[str, Any],
    known: list[str],
    unknown: list[str],
    missing: list[str],
) -> str:
    wrong = [f"has no argument `{key}`" for key in unknown]
    wrong += [f"requires `{key}`" for key in missing]
    remedies = [did_you_mean(key, known) for key in unknown]
    remedies += [f"Add model.arguments.{key}=VALUE." for key in missing]
    return message(
        f"`model.arguments` must be those of the builder: {name} {' and '.join(wrong)}.",
        " ".join(filter(None, remedies)),
        **{"model.arguments": dict(given)},
    )
