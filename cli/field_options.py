"""Derives the options of a command from the fields of a dataclass."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Any, get_type_hints

import typer

_ATTRIBUTES = re.compile(r"^ +Attributes:\n(.*?)(?=^ +[A-Z]\w+:\n|\Z)", re.M | re.S)


def with_fields(
    settings: type,
    leave_out: Sequence[str] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds an option to a command for each field of a dataclass of settings.

    Args:
        settings: A dataclass whose docstring describes its attributes.
        leave_out: Fields that get no option.
        groups: Field names by heading in the help; others are under `Options`.

    Returns:
        A decorator for a function that takes the fields as `**options`.
    """
    hints, texts = get_type_hints(settings), described(settings)
    panels = {name: panel for panel, names in (groups or {}).items() for name in names}
    options = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=Annotated[
                hints[each.name],
                typer.Option(help=texts[each.name], rich_help_panel=panels.get(each.name)),
            ],
        )
        for each in fields(settings)
        if each.name not in leave_out
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [
            each for each in signature.parameters.values() if each.kind != each.VAR_KEYWORD
        ]
        parameters = [*own, *options]
        changed: Any = command
        changed.__signature__ = signature.replace(parameters=parameters)
        changed.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return decorate


def described(settings: type) -> dict[str, str]:
    """Returns the description of each attribute from the docstring of a class.

    Example:
        >>> class Limits:
        ...     '''Limits.
        ...
        ...     Attributes:
        ...         seconds: How long
        ...             it takes.
        ...     '''
        >>> described(Limits)
        {'seconds': 'How long it takes.'}
    """
    found = _ATTRIBUTES.search(settings.__doc__ or "")
    text = inspect.cleandoc("\n" + found.group(1)) if found else ""
    entries = re.findall(r"^(\w+): (.*(?:\n +.*)*)", text, re.M)
    return {name: re.sub(r"\s+", " ", rest).strip() for name, rest in entries}
