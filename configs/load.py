"""Merges files and `key=value` settings into one validated configuration.

The order is: defaults, files from left to right, each followed by its settings for the
chosen effort, then `key=value`.
"""

import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import ValidationError

from ..core.deprecations import current_setting
from ..core.differences import differences
from ..core.errors import ConfigError, message, reason_of
from ..core.names import did_you_mean, printable
from ..core.redaction import redacted
from .effort import EFFORT, EFFORTS, chosen_effort, efforts_of, resolve
from .layers import Layer, merge
from .problems import annotation_of, describe
from .recipes import recipes
from .renamed import layer_with_current_names, with_current_names
from .schema import RunConfig
from .space import with_values
from .yaml_file import MAX_BYTES, MAX_DEPTH, parse_yaml, require_text, write_yaml

RecipeOrFile = str
COMMAND_LINE = "command line"


def load_config(
    sources: Sequence[RecipeOrFile], overrides: Sequence[str] = ()
) -> RunConfig:
    """Loads and validates the configuration of a run.

    Args:
        sources: Names of shipped recipes or paths of YAML files, merged left to right.
        overrides: `key=value` with dotted keys, as on the command line.

    Returns:
        The validated configuration.

    Raises:
        ConfigError: Settings are invalid; the message lists all problems.

    Example:
        >>> load_config(["classify"], ["trainer.max_epochs=3"]).trainer.max_epochs
        3
    """
    problems: list[str] = []
    layers = [*map(read_source, sources), _typed_layer(overrides, problems)]
    effort = chosen_effort(layers)
    resolved = resolve(layers, effort)
    try:
        config = RunConfig.model_validate(resolved.values)
    except ValidationError as error:
        problems.append(describe(error, RunConfig, origins=resolved.origins))
    problems += _problems_of_efforts(layers, effort)
    if problems:
        raise ConfigError("\n".join(problems))
    # The settings of the effort have been applied and must not be applied again. Without an
    # effort, all are dropped: on top of typed settings, they might be invalid.
    return config.model_copy(update={EFFORTS: {} if effort is None else {effort: {}}})


def changed_by_effort(
    sources: Sequence[RecipeOrFile], overrides: Sequence[str] = ()
) -> list[str]:
    """Returns the settings that the effort of a run changes.

    Args:
        sources: The sources, which `load_config` must accept.
        overrides: The overrides, which `load_config` must accept.

    Returns:
        One line per setting, such as `trainer.max_epochs: 10 -> 30`.

    Example:
        >>> changed_by_effort(["classify"])
        []
    """
    layers = [*map(read_source, sources), _typed_layer(overrides, [])]
    before, now = (
        RunConfig.model_validate({**resolve(layers, each).values, EFFORT: None}).model_dump(
            mode="json", exclude={EFFORTS}
        )
        for each in (None, chosen_effort(layers))
    )
    return differences(redacted(before), redacted(now))


def _typed_layer(overrides: Sequence[str], problems: list[str]) -> Layer:
    """Returns the typed settings as a layer; appends problems with them to `problems`."""
    typed: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for override in overrides:
        try:
            typed = merge(typed, _parse_override(override))
            key = override.partition("=")[0]
            origins[current_setting(key)] = COMMAND_LINE
        except ConfigError as error:
            problems.append(str(error))
    return Layer(typed, origins)


def _problems_of_efforts(layers: Sequence[Layer], chosen: str | None) -> list[str]:
    """Returns the problems of the efforts that were not chosen."""
    problems: dict[str, None] = {}
    for end, layer in enumerate(layers, 1):
        for name in efforts_of(layer).keys() - {chosen}:
            if not _problems(resolve(layers[:end], None)):
                problems |= dict.fromkeys(_problems(resolve(layers[:end], name)))
    return list(problems)


def _problems(layer: Layer) -> list[str]:
    try:
        RunConfig.model_validate({**layer.values, EFFORT: None})
    except ValidationError as error:
        return describe(error, RunConfig, origins=layer.origins).splitlines()
    return []


def typed_values(overrides: Sequence[str]) -> dict[str, Any]:
    """Returns the values of `key=value` settings, nested as in a file.

    Example:
        >>> typed_values(["trainer.max_epochs=3", "seed=1"])
        {'trainer': {'max_epochs': 3}, 'seed': 1}
    """
    values: dict[str, Any] = {}
    for override in overrides:
        values = merge(values, _parse_override(override))
    return values


def varied(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """Returns a configuration with some settings changed.

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
    """Returns a complete configuration as YAML, which `load_config` can read.

    Values that look like secrets are replaced by `***`.

    Args:
        config: The configuration.
        in_ascii: Whether to escape non-ASCII characters.
    """
    return write_yaml(redacted(config.model_dump(mode="json")), in_ascii)


def split_arguments(arguments: Iterable[str]) -> tuple[list[str], list[str]]:
    """Splits the arguments of a command into sources and `key=value` settings."""
    sources: list[str] = []
    overrides: list[str] = []
    for argument in arguments:
        (overrides if "=" in argument else sources).append(argument)
    return sources, overrides


def read_source(source: RecipeOrFile) -> Layer:
    """Reads the settings of a recipe or a file, without validating them.

    Raises:
        ConfigError: The file can't be read, or is not valid YAML.
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
            message(f"{printable(name)} must contain `key: value` lines.", content=kind)
        )
    return layer_with_current_names(Layer(content, origins))


def _read_file(source: str) -> str:
    try:
        with open(source, "rb") as file:  # reads a limited part: it may be endless
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
    annotation = annotation_of(RunConfig, current_setting(key).split("."))
    value = _parse_value(raw, annotation, key)
    for name in reversed(path):
        value = {name: value}
    return with_current_names(typing.cast(dict[str, Any], value))


def _parse_value(raw: str, annotation: Any, key: str) -> Any:
    """Parses a value as YAML, but keeps it as text if the setting is text."""
    place = f"{COMMAND_LINE}: {key}"
    if _is_text(annotation):
        return None if raw in ("null", "~", "") else require_text(raw, place)
    return parse_yaml(raw, place, has_lines=False).content


def _is_text(annotation: Any) -> bool:
    """Returns whether a type is text, or a union with text: `str | None`."""
    kind = typing.get_origin(annotation)
    if kind in (Annotated, typing.Union, types.UnionType):
        options = typing.get_args(annotation)
        return any(map(_is_text, options[:1] if kind is Annotated else options))
    return annotation is str
