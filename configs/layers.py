"""Layers of settings, each laid over those below it."""

from dataclasses import dataclass, field
from typing import Any

from .domains import without_other_kinds
from .model import not_replaced


@dataclass(frozen=True)
class Layer:
    """Settings as they stand in a file, or as they were typed.

    Attributes:
        values: Nested as in a file.
        origins: Where each dotted setting stands, such as `"my.yaml:14"`.
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def over(self, below: "Layer") -> "Layer":
        """Both together."""
        groups = {
            ".".join(parts[:end]): place
            for parts, place in ((k.split("."), v) for k, v in self.origins.items())
            for end in range(1, len(parts))
        }
        origins = groups | below.origins | self.origins
        return Layer(lay_over(below.values, self.values), origins)


def lay_over(values: dict[str, Any], layer: dict[str, Any]) -> dict[str, Any]:
    """Applies a file, or the command line, on top of the layers below.

    A builder replaces a backbone of the layers below, and a backbone a builder; so does a
    domain of a search one of another kind.

    Example:
        >>> lay_over({"model": {"dropout": 0.1}}, {"model": {"builder": "my:build"}})
        {'model': {'builder': 'my:build'}}
    """
    below, model = values.get("model"), layer.get("model")
    if isinstance(below, dict) and isinstance(model, dict):
        values = values | {"model": not_replaced(below, model)}
    old, new = (_space_of(each) for each in (values, layer))
    if old and new:
        space = without_other_kinds(old, new)
        values = values | {"search": values["search"] | {"space": space}}
    return merge(values, layer)


def _space_of(values: dict[str, Any]) -> dict[str, Any]:
    """What varies by a layer; nothing where it is no group."""
    search = values.get("search")
    space = search.get("space") if isinstance(search, dict) else None
    return space if isinstance(space, dict) else {}


def merge(base: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Merges `new` into `base`: groups key by key, everything else is replaced.

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
