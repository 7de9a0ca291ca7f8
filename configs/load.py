"""Merges files and `key=value` into one checked configuration.

The order is: defaults, then the files from left to right, then `key=value`.
"""

import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import ValidationError

from ..core.errors import ConfigError, message, reason_of
from ..core.names import did_you_mean, printable
from ..core.redaction import redacted
from .model import not_replaced
from .problems import annotation_of, describe
from .recipes import recipes
from .schema import RunConfig
from .space import with_values
from .yaml_file import MAX_BYTES, MAX_DEPTH, parse_yaml, require_text, write_yaml

RecipeOrFile = str
COMMAND_LINE = "command line"


def load_config(
    sources: Sequence[RecipeOrFile], overrides: Sequence[str] = ()
) -> RunConfig:
    """Reads what a run is asked for.

    Args:
        sources: Names of shipped recipes or paths of YAML files, merged left to right.
        overrides: `key=value` with dotted keys, as typed on the command line.

    Returns:
        The checked configuration.

    Raises:
        ConfigError: Something is wrong; the message names all of it.

    Example:
        >>> load_config(["classify"], ["trainer.max_epochs=3"]).trainer.max_epochs
        3
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for source in sources:
        content, places = read_source(source)
        values = lay_over(values, content)
        origins |= places
    problems = []
    typed: dict[str, Any] = {}
    for override in overrides:
        try:
            typed = merge(typed, _parse_override(override))
            key = override.partition("=")[0]
            origins = _origins_around(key) | origins | {key: COMMAND_LINE}
        except ConfigError as error:
            problems.append(str(error))
    values = lay_over(values, typed)
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        problems.append(describe(error, RunConfig, origins=origins))
    if problems:
        raise ConfigError("\n".join(problems))
    return config


def typed_values(overrides: Sequence[str]) -> dict[str, Any]:
    """The values of `key=value` alone, nested as in a file.

    Example:
        >>> typed_values(["trainer.max_epochs=3", "seed=1"])
        {'trainer': {'max_epochs': 3}, 'seed': 1}
    """
    values: dict[str, Any] = {}
    for override in overrides:
        values = merge(values, _parse_override(override))
    return values


def lay_over(values: dict[str, Any], layer: dict[str, Any]) -> dict[str, Any]:
    """Lays a file, or all that was typed, over the layers below.

    A builder replaces a backbone of the layers below, and a backbone a builder.

    Example:
        >>> lay_over({"model": {"dropout": 0.1}}, {"model": {"builder": "my:build"}})
        {'model': {'builder': 'my:build'}}
    """
    below, model = values.get("model"), layer.get("model")
    if isinstance(below, dict) and isinstance(model, dict):
        values = values | {"model": not_replaced(below, model)}
    return merge(values, layer)


def merge(base: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Lays `new` over `base`: groups merge key by key, everything else is replaced.

    Example:
        >>> merge({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}})
        {'a': {'x': 1, 'y': 3}}
    """
    merged = dict(base)
    for key, value in new.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def varied(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """A configuration in which some settings are others.

    Args:
        config: The configuration.
        values: Settings by dotted name.

    Raises:
        ConfigError: A setting does not exist, or can't have that value.

    Example:
        >>> varied(RunConfig(), {"model.dropout": 0.5}).model.dropout
        0.5
    """
    try:
        return with_values(config, values)
    except ValidationError as error:
        raise ConfigError(describe(error, RunConfig)) from None


def to_yaml(config: RunConfig, in_ascii: bool = False) -> str:
    """A complete configuration in the form in which it can be read again.

    Values that look like secrets are left out: `***` stands for them.

    Args:
        config: The configuration.
        in_ascii: Whether to write other characters as escapes.
    """
    return write_yaml(redacted(config.model_dump(mode="json")), in_ascii)


def split_arguments(arguments: Iterable[str]) -> tuple[list[str], list[str]]:
    """Tells the sources from the `key=value` among a command's arguments."""
    sources: list[str] = []
    overrides: list[str] = []
    for argument in arguments:
        (overrides if "=" in argument else sources).append(argument)
    return sources, overrides


def read_source(source: RecipeOrFile) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings of a recipe or a file, as they stand there, and where each does.

    Raises:
        ConfigError: They can't be read.
    """
    shipped = recipes()
    if source in shipped:
        text, name = shipped[source].text, source
    else:
        text, name = _read_file(source), source
    content, origins = parse_yaml(text, name)
    if content is None:
        content = {}
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise ConfigError(
            message(f"{printable(name)} must hold `key: value` lines.", content=kind)
        )
    return content, origins


def _read_file(source: str) -> str:
    try:
        with open(source, "rb") as file:  # which may be endless
            return file.read(MAX_BYTES + 1).decode()
    except UnicodeDecodeError as error:
        place = f"{printable(source)}:{error.object.count(10, 0, error.start) + 1}"
        raise ConfigError(
            f"{place}: this is not text in UTF-8. Save it as UTF-8."
        ) from None
    except (OSError, ValueError) as error:
        names = recipes()
        guess = did_you_mean(source, names)
        known = f"The recipes are {', '.join(names)}."
        reason = reason_of(error)
        raise ConfigError(
            message(
                f"A configuration must be a readable YAML file or a recipe ({reason}).",
                f"{guess} {known}".strip(),
                config=source,
            )
        ) from None


def _parse_override(override: str) -> dict[str, Any]:
    key, _, raw = override.partition("=")
    path = key.split(".")
    if not all(path) or len(path) > MAX_DEPTH:
        raise ConfigError(
            message(
                f"{COMMAND_LINE}: a setting must be written as key=value.",
                "Try trainer.max_epochs=5.",
                argument=override,
            )
        )
    value = _parse_value(raw, annotation_of(RunConfig, path), key)
    for name in reversed(path):
        value = {name: value}
    return typing.cast(dict[str, Any], value)


def _origins_around(key: str) -> dict[str, str]:
    """The origin of the groups around a setting that was typed."""
    parts = key.split(".")
    return {".".join(parts[:end]): COMMAND_LINE for end in range(1, len(parts))}


def _parse_value(raw: str, annotation: Any, key: str) -> Any:
    """Reads a value as YAML, but leaves text alone where text is wanted."""
    place = f"{COMMAND_LINE}: {key}"
    if _is_text(annotation):
        return None if raw in ("null", "~", "") else require_text(raw, place)
    return parse_yaml(raw, place, has_lines=False).content


def _is_text(annotation: Any) -> bool:
    """Whether a type is text, or text among others: `str | None`."""
    kind = typing.get_origin(annotation)
    if kind in (Annotated, typing.Union, types.UnionType):
        options = typing.get_args(annotation)
        return any(map(_is_text, options[:1] if kind is Annotated else options))
    return annotation is str
