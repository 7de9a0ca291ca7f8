"""The settings of a run that differ from its recipe."""

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


class Asked(NamedTuple):
    """The settings that a run was started with.

    Attributes:
        compared_with: `the recipe NAME`, or `the defaults`.
        differing: A line for each setting that differs, such as `seed: 0 -> 3`.
        max_epochs: How many epochs it may take.
    """

    compared_with: str
    differing: list[str]
    max_epochs: int | None


def read_asked(run: Path) -> Asked:
    """Compares `config.yaml` of a run with the recipe after which the run is called.

    Raises:
        ConfigError: It can't be read, or its settings are wrong.
    """
    file = run / CONFIG_FILE
    config = load_config([str(file)])
    recipe = run_name(str(file))
    before = RunConfig()
    if recipe in recipes():
        before = _recipe_with_effort(recipe, config.effort)
    lines = differences(_settings(before), _settings(config))
    name = f"the recipe {recipe}" if recipe in recipes() else "the defaults"
    return Asked(name, lines, config.trainer.max_epochs)


def read_command(run: Path) -> str:
    """The command that began a run; empty if it is unknown."""
    try:
        written = json.loads(read_text(run / ENVIRONMENT_FILE))["command"]
        program, *rest = map(str, written)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return shlex.join([Path(program).name, *rest])


def _recipe_with_effort(recipe: str, effort: str | None) -> RunConfig:
    try:
        return load_config([recipe], [f"effort={effort}"] if effort else [])
    except KeraunosError:  # an effort of another file
        return load_config([recipe])


def _settings(config: RunConfig) -> dict[str, object]:
    return dict(redacted(config.model_dump(mode="json", exclude=_OF_PLACE)))
