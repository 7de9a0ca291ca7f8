"""Reads which settings of a run differ from its recipe."""

import json
import shlex
from pathlib import Path
from typing import NamedTuple

from ..configs import RunConfig, load_config, recipes
from ..core.differences import differences
from ..core.errors import KeraunosError
from ..core.files import read_text
from ..core.redaction import redacted
from ..core.run_layout import CONFIG_FILE, ENVIRONMENT_FILE
from .run_directories import run_name

_OF_PLACE = {"run_dir", "cache_dir", "efforts"}


class ChangedSettings(NamedTuple):
    """The settings of a run that differ from its recipe or from the defaults.

    Attributes:
        compared_with: `the recipe NAME`, or `the defaults`.
        differing: One line per setting that differs, such as `seed: 0 -> 3`.
        max_epochs: The maximum number of epochs; None for no limit.
    """

    compared_with: str
    differing: list[str]
    max_epochs: int | None


def read_changed_settings(run: Path) -> ChangedSettings:
    """Compares `config.yaml` of a run with the recipe that the run is named after.

    Without such a recipe, compares with the defaults.

    Raises:
        ConfigError: The file can't be read, or its settings are invalid.
    """
    file = run / CONFIG_FILE
    config = load_config([str(file)])
    recipe = run_name(str(file))
    before = RunConfig()
    if recipe in recipes():
        before = _recipe_with_effort(recipe, config.effort)
    lines = differences(_settings(before), _settings(config))
    name = f"the recipe {recipe}" if recipe in recipes() else "the defaults"
    return ChangedSettings(name, lines, config.trainer.max_epochs)


def read_command(run: Path) -> str:
    """Returns the command that started a run; empty if it is unknown."""
    try:
        written = json.loads(read_text(run / ENVIRONMENT_FILE))["command"]
        program, *rest = map(str, written)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return shlex.join([Path(program).name, *rest])


def _recipe_with_effort(recipe: str, effort: str | None) -> RunConfig:
    try:
        return load_config([recipe], [f"effort={effort}"] if effort else [])
    except KeraunosError:  # an effort that another file defines
        return load_config([recipe])


def _settings(config: RunConfig) -> dict[str, object]:
    return dict(redacted(config.model_dump(mode="json", exclude=_OF_PLACE)))
