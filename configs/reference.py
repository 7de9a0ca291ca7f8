"""Descriptions of the settings, for the reference page and `keraunos config --help`."""

import functools
import typing
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from .augmentation import RandAugmentConfig
from .callbacks import CALLBACKS
from .evaluation import EvaluationConfig, OperatingPointConfig
from .optimizer import ScheduleConfig
from .schema import RunConfig
from .section import MOST


class Setting(NamedTuple):
    """Description of one setting.

    Attributes:
        name: Name without that of the section.
        kind: Accepted values, such as "whole number (>= 1) or null".
        default: Default value in YAML, or "required".
        description: What the setting means.
    """

    name: str
    kind: str
    default: str
    description: str


class Group(NamedTuple):
    """The settings of a section.

    Attributes:
        name: Prefix of the dotted names, such as `trainer`; empty for the run as a whole.
        summary: One line about the section.
        settings: The settings in order.
    """

    name: str
    summary: str
    settings: list[Setting]


def groups() -> Iterator[Group]:
    """Yields all settings, section by section."""
    sections = dict(_sections(RunConfig))
    whole = {n: f for n, f in RunConfig.model_fields.items() if n not in sections}
    yield Group(
        "", "Settings of the run as a whole.", [_setting(n, f) for n, f in whole.items()]
    )
    sections["optimizer.schedule"] = ScheduleConfig
    sections["augmentation.rand_augment"] = RandAugmentConfig
    sections |= {f"callbacks.{name}": each for name, each in CALLBACKS.items()}
    sections["evaluation.operating_points.NAME"] = OperatingPointConfig
    sections |= {f"evaluation.{name}": each for name, each in _sections(EvaluationConfig)}
    for name, section in sections.items():
        fields = section.model_fields.items()
        yield Group(name, summary(section), [_setting(n, f) for n, f in fields])


@functools.cache
def settings_by_name() -> dict[str, Setting]:
    """Returns all settings by dotted name.

    Example:
        >>> settings_by_name()["trainer.max_epochs"].default
        '10'
    """
    return {
        f"{group.name}.{each.name}".lstrip("."): each
        for group in groups()
        for each in group.settings
    }


def summary(section: type[BaseModel]) -> str:
    """Returns the first line of the docstring of a section."""
    return (section.__doc__ or "").partition("\n")[0]


def in_words(schema: dict[str, Any]) -> str:
    """Describes the values that a JSON Schema allows.

    Example:
        >>> in_words({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]})
        'whole number (>= 1) or null'
    """
    if "anyOf" in schema:
        return " or ".join(map(in_words, schema["anyOf"]))
    if "$ref" in schema:
        return "group of settings"
    if "enum" in schema or "const" in schema:
        return " or ".join(map(str, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        return f"list of: {in_words(schema['items'])}"
    kind = _KINDS.get(schema.get("format", schema.get("type", "")), "value")
    limits = ", ".join(
        f"{sign} {schema[key]:.10g}"
        for key, sign in _LIMITS.items()
        if schema.get(key, MOST) != MOST
    )
    return f"{kind} ({limits})" if limits else kind


_KINDS = {
    "path": "path",
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "group of settings",
}
_LIMITS = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
}


def whole_type(field: FieldInfo) -> Any:
    """Returns the type of a setting with its limits, which pydantic stores separately."""
    annotation: Any = field.annotation
    for each in field.metadata:
        annotation = Annotated[annotation, each]
    return annotation


def _sections(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yields the settings that are a group, or a group or null."""
    for name, field in model.model_fields.items():
        for kind in (field.annotation, *typing.get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield name, kind


def _setting(name: str, field: FieldInfo) -> Setting:
    adapter: TypeAdapter[Any] = TypeAdapter(whole_type(field))
    kind = in_words(adapter.json_schema())
    return Setting(name, kind, default_in_yaml(field), field.description or "")


def default_in_yaml(field: FieldInfo) -> str:
    """Returns a default as written in YAML."""
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default is None or isinstance(default, bool):
        return {None: "null", True: "true", False: "false"}[default]
    return str(default).replace("'", "")
