"""Merges layers of settings: files and the command line."""

from dataclasses import dataclass, field
from typing import Any

from .domains import without_other_kinds
from .model import kept_settings


@dataclass(frozen=True)
class Layer:
    """The settings of a file or of the command line.

    Attributes:
        values: Nested values, as in a file.
        origins: Where each dotted setting was written, such as `"my.yaml:14"`.
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def over(self, below: "Layer") -> "Layer":
        """Returns both layers merged; settings of this one override those below."""
        groups = {
            ".".join(parts[:end]): place
            for parts, place in ((k.split("."), v) for k, v in self.origins.items())
            for end in range(1, len(parts))
        }
        origins = groups | below.origins | self.origins
        return Layer(apply_layer(below.values, self.values), origins)


def apply_layer(values: dict[str, Any], layer: dict[str, Any]) -> dict[str, Any]:
    """Applies the settings of a layer on top of those of the layers below.

    A builder replaces a backbone and vice versa, and a search domain replaces one of
    another kind; other settings are merged.

    Example:
        >>> apply_layer({"model": {"dropout": 0.1}}, {"model": {"builder": "my:build"}})
        {'model': {'builder': 'my:build'}}
    """
    below, model = values.get("model"), layer.get("model")
    if isinstance(below, dict) and isinstance(model, dict):
        values = values | {"model": kept_settings(below, model)}
    old, new = (_space_of(each) for each in (values, layer))
    if old and new:
        space = without_other_kinds(old, new)
        values = values | {"search": values["search"] | {"space": space}}
    return merge(values, layer)


def _space_of(values: dict[str, Any]) -> dict[str, Any]:
    """Returns the search space of a layer; empty if there is no valid one."""
    search = values.get("search")
    space = search.get("space") if isinstance(search, dict) else None
    return space if isinstance(space, dict) else {}


def merge(base: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Merges `new` into `base`: groups key by key; other values are replaced.

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
