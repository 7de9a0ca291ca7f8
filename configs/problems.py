"""Turns pydantic errors into error messages in the format of Keraunos."""

import types
import typing
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..core.errors import ConfigError, message, shortened
from ..core.names import did_you_mean, printable
from .familiar_arguments import familiar_value
from .trainer import MAX_TIME


class Problem(NamedTuple):
    """What is wrong with a setting.

    Attributes:
        setting: Its dotted name in a configuration.
        text: The complete error message.
    """

    setting: str
    text: str


def problem(
    setting: str, expected: str, remedy: str = "", /, **received: object
) -> Problem:
    """Returns a problem whose message names the setting first.

    Args:
        setting: The dotted name of the setting.
        expected: What is expected of it, as the rest of a sentence.
        remedy: See `message`.
        **received: See `message`.

    Example:
        >>> problem("data.fold", "needs `data.folds`", "Set it to 5.").text
        '`data.fold` needs `data.folds`. Set it to 5.'
    """
    return Problem(setting, message(f"`{setting}` {expected}.", remedy, **received))


class ProblemsError(ValueError):
    """Problems that a validator has found.

    Args:
        *problems: The problems.
    """

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(each.text for each in problems))
        self.problems = problems


Model = TypeVar("Model", bound=BaseModel)

_EXPECTATIONS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_unicode": "text in Unicode",
    "list_type": "a list",
    "dict_type": "a group of settings",
    "model_type": "a group of settings",
    "model_attributes_type": "a group of settings",
    "missing": "given",
    "finite_number": "a finite number",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_pattern_mismatch": "of the form {pattern}",
}
_FORMS = {MAX_TIME: "DD:HH:MM:SS"}  # readable forms of patterns


def validated(model: type[Model], section: str = "", /, **values: Any) -> Model:
    """Creates a group of settings from values.

    Args:
        model: The class of the group.
        section: Its name in a configuration, for messages; empty for the whole.
        **values: The settings by name.

    Returns:
        The group, with defaults for settings that are not given.

    Raises:
        ConfigError: Settings are invalid; the message lists all of them.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe(error, model, section)) from None


def describe(
    error: ValidationError,
    model: type[BaseModel],
    section: str = "",
    origins: Mapping[str, str] | None = None,
) -> str:
    """Describes each invalid setting in one line.

    Args:
        error: The error of pydantic.
        model: The group of settings that was checked.
        section: Name of the group in a configuration.
        origins: Where each dotted setting was written, such as `"my.yaml:14"`.
    """
    found = problems_of(error, model, section)
    return "\n".join(_prefix_origin(each, origins or {}) for each in found)


def problems_of(
    error: ValidationError, model: type[BaseModel], section: str = ""
) -> list[Problem]:
    """Returns the problem of each invalid setting; see `describe`."""
    by_path: dict[str, list[ErrorDetails]] = {}
    for detail in error.errors():
        path = ".".join([*([section] if section else []), *_path(model, detail["loc"])])
        by_path.setdefault(path, []).append(detail)
    found: list[Problem] = []
    for path, details in by_path.items():
        reason = details[0].get("ctx", {}).get("error")
        if isinstance(reason, ProblemsError):
            found += reason.problems
        else:
            found.append(Problem(path, _problem_text(model, path, details)))
    return found


def _problem_text(model: type[BaseModel], path: str, details: list[ErrorDetails]) -> str:
    first = details[0]
    path = shortened(printable(path))
    name = path.rpartition(".")[2]
    if first["type"] == "extra_forbidden":
        siblings = _siblings(model, first["loc"])
        guess = _suggest_other_section(model, name) or did_you_mean(name, siblings)
        remedy = guess or f"There are {', '.join(siblings)}."
        return message(f"`{path}` is not a setting.", remedy, **{path: first["input"]})
    if first["type"] in ("value_error", "assertion_error"):
        return f"`{path or 'configuration'}`: {first['ctx']['error']}."
    wanted = " or ".join(dict.fromkeys(_expectation(detail) for detail in details))
    remedy = familiar_value(path, first["input"])
    if not remedy and isinstance(first["input"], str) and first["type"] == "literal_error":
        choices = first["ctx"]["expected"].replace(" or ", ", ").split(", ")
        remedy = did_you_mean(first["input"], [word.strip("'") for word in choices])
    return message(f"`{path}` must be {wanted}.", remedy, **{path: first["input"]})


def _expectation(detail: ErrorDetails) -> str:
    template = _EXPECTATIONS.get(detail["type"])
    if template is None:
        return detail["msg"]
    context = detail.get("ctx", {})
    values = {
        key: str(value).replace("'", "").replace(" or ", ", ")
        if key == "expected"
        else _FORMS.get(str(value), value)
        for key, value in context.items()
    }
    words = template.format(**values)
    if detail["type"] == "literal_error" and "," in words:
        words = f"one of {words}"
    return words


def _prefix_origin(found: Problem, origins: Mapping[str, str]) -> str:
    """Prefixes a message with the origin of its setting, or of the nearest group."""
    path = found.setting
    while path and path not in origins:
        path = path.rpartition(".")[0]
    text = printable(found.text)  # names in a search space may contain line ends
    return f"{origins[path]}: {text}" if path else text


def _path(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Returns a pydantic location as names, without the branches of unions."""
    names: list[str] = []
    group: type[BaseModel] | None = model
    for part in loc:
        names.append(str(part))
        field = group.model_fields.get(str(part)) if group else None
        if field is None:
            break
        group = _group_of(field.annotation)
        if group is None and not _is_mapping(field.annotation):
            break
    return names


def _is_mapping(annotation: Any) -> bool:
    options = typing.get_args(annotation) or (annotation,)
    return dict in (typing.get_origin(annotation), *map(typing.get_origin, options))


def _siblings(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    group: type[BaseModel] = model
    for part in loc[:-1]:
        group = _group_of(group.model_fields[str(part)].annotation) or group
    return sorted(group.model_fields)


def _suggest_other_section(model: type[BaseModel], name: str) -> str:
    """Suggests the settings of this name in the sections of a configuration, if any."""
    sections = {
        key: _group_of(field.annotation) for key, field in model.model_fields.items()
    }
    found = [
        f"{key}.{name}"
        for key, group in sections.items()
        if group and name in group.model_fields
    ]
    return f"Did you mean {' or '.join(found)}?" if found else ""


def _group_of(annotation: Any) -> type[BaseModel] | None:
    options = (
        typing.get_args(annotation)
        if typing.get_origin(annotation) in (typing.Union, types.UnionType)
        else (annotation,)
    )
    for option in options:
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


def annotation_of(model: type[BaseModel], path: list[str]) -> Any:
    """Returns the declared type of a dotted setting, or None if there is none."""
    group: type[BaseModel] | None = model
    annotation: Any = None
    for name in path:
        field = group.model_fields.get(name) if group else None
        if field is None:
            return None
        annotation = field.annotation
        group = _group_of(annotation)
    return annotation
