"""Shell completion of recipes, YAML files and settings.

The shell itself completes folders and other files where nothing here matches.
"""

from collections.abc import Iterator
from pathlib import Path


def complete_recipes(incomplete: str) -> list[str]:
    """Returns the recipes whose names start with the incomplete word."""
    from ..configs import recipes

    return [name for name in recipes() if name.startswith(incomplete)]


def complete_configuration(incomplete: str) -> list[str]:
    """Returns matching recipes, YAML files in this folder and settings.

    Settings are offered only once something has been typed.

    Example:
        >>> complete_configuration("optimizer.learning")
        ['optimizer.learning_rate=', 'optimizer.learning_rate=0.001']
    """
    files = sorted(file.name for file in Path().glob("*.yaml"))
    found = complete_recipes(incomplete)
    found += [name for name in files if name.startswith(incomplete)]
    if not incomplete:
        return found
    settings = {n: d for n, d in _settings() if n.startswith(incomplete)}
    found += settings
    if len(found) == len(settings) == 1:  # after a single match, the shell adds a space
        found += [name + default for name, default in settings.items()]
    return found


def _settings() -> Iterator[tuple[str, str]]:
    from ..configs.reference import settings_by_name

    for name, each in settings_by_name().items():
        yield f"{name}=", each.default
