"""JSON Schema of configurations, for editors and other programs."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from .callbacks import CALLBACKS
from .effort import EFFORTS
from .optimizer import COMMON_OPTIONS, OWN_OPTIONS, OptimizerConfig, keras_options
from .schema import RunConfig
from .section import IMPORTABLE

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

KERAS_CLASS = "^[A-Z]"  # `ReduceLROnPlateau`
SWITCH = {"type": ["boolean", "null"]}
BY_CLASS = "CallbackByClass"


def json_schema() -> Schema:
    """Returns the JSON Schema of a configuration in YAML.

    Example:
        >>> json_schema()["properties"]["seed"]["default"]
        0
    """
    models: list[type[BaseModel]] = [RunConfig, *CALLBACKS.values()]
    definitions = models_json_schema([(each, "validation") for each in models])[1]["$defs"]
    definitions["OptimizerConfig"] |= _options_of_optimizers()
    for model in CALLBACKS.values():
        definitions[model.__name__].setdefault("properties", {})["class"] = {}
    definitions[BY_CLASS] = _callback_by_class()
    run = definitions.pop(RunConfig.__name__)
    run["properties"]["callbacks"] |= _callbacks()
    run["properties"][EFFORTS]["additionalProperties"] = {"$ref": "#"}
    head = {"$schema": DIALECT, "title": "Configuration of Keraunos"}
    return run | head | {"$defs": definitions}


def _options_of_optimizers() -> Schema:
    """Returns the options per optimizer, or all of them if a file does not name one."""
    return {
        "additionalProperties": {"type": ["boolean", "number", "null"]},
        "propertyNames": _names(keras_options()),
        "allOf": [
            {
                "if": {"properties": {"name": {"const": name}}, "required": ["name"]},
                "then": {"propertyNames": _names(COMMON_OPTIONS | options)},
            }
            for name, options in OWN_OPTIONS.items()
        ],
    }


def _names(options: Iterable[str]) -> Schema:
    return {"enum": [*OptimizerConfig.model_fields, *sorted(options)]}


def _callbacks() -> Schema:
    """Returns the schema of callbacks by label: the class name unless `class` is given."""
    options = {
        name: {
            "if": {"required": ["class"]},
            "then": _reference(BY_CLASS),
            "else": _reference(model.__name__),
        }
        for name, model in CALLBACKS.items()
    }
    return {
        "properties": {name: {"anyOf": [SWITCH, each]} for name, each in options.items()},
        "patternProperties": {
            f"{KERAS_CLASS}|:": {"anyOf": [SWITCH, {"type": "object"}]},
        },
        "additionalProperties": {"anyOf": [SWITCH, _reference(BY_CLASS)]},
    }


def _callback_by_class() -> Schema:
    kinds = [{"enum": [*CALLBACKS]}, {"pattern": KERAS_CLASS}, {"pattern": IMPORTABLE}]
    return {
        "type": "object",
        "required": ["class"],
        "properties": {"class": {"type": "string", "anyOf": kinds}},
        "allOf": [
            {
                "if": {"properties": {"class": {"const": name}}},
                "then": _reference(model.__name__),
            }
            for name, model in CALLBACKS.items()
        ],
    }


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
