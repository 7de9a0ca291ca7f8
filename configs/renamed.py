"""Translates former names of settings to current ones."""

from typing import Any

from ..core.deprecations import current_setting, current_settings
from .effort import EFFORTS
from .layers import Layer


def with_current_names(values: dict[str, Any]) -> dict[str, Any]:
    """Returns settings under their current names, also in efforts and the search space.

    Raises:
        ConfigError: A setting is given under both its old and its new name.
    """
    current = current_settings(values)
    if isinstance(efforts := current.get(EFFORTS), dict):
        current[EFFORTS] = {name: _renamed(each) for name, each in efforts.items()}
    search = current.get("search")
    if isinstance(search, dict) and "space" in search:
        current["search"] = {**search, "space": _renamed(search["space"])}
    return current


def layer_with_current_names(layer: Layer) -> Layer:
    """Returns a layer with current names, and the origins of the old ones."""
    origins = {current_setting(name): place for name, place in layer.origins.items()}
    return Layer(with_current_names(layer.values), origins)


def _renamed(values: Any) -> Any:
    return current_settings(values) if isinstance(values, dict) else values
