"""What a shell completes behind commands: recipes, YAML files and settings.

Folders and other files are left to the shell, which completes them where nothing here fits.
"""

from collections.abc import Iterator
from pathlib import Path


def complete_recipes(incomplete: str) -> list[str]:
    """The recipes whose names begin so."""
    from ..configs import recipes

    return [name for name in recipes() if name.startswith(incomplete)]


def complete_configuration(incomplete: str) -> list[str]:
    """Recipes, YAML files of this folder, and settings once something is typed.

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
    if len(found) == len(settings) == 1:  # two, or the shell would add a space
        found += [name + default for name, default in settings.items()]
    return found


def _settings() -> Iterator[tuple[str, str]]:
    from ..configs.reference import settings_by_name

    for name, each in settings_by_name().items():
        yield f"{name}=", each.default
