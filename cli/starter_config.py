"""Writes the settings of a recipe as commented YAML, for `keraunos init`."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..configs import recipes
from ..configs.reference import settings_by_name
from ..configs.yaml_file import parse_yaml, write_yaml
from .best_config import as_comments
from .typed_command import typed

# Common settings that no recipe contains: section, name, example.
_COMMON = (
    ("data", "test", "FOLDER"),
    ("data", "folds", "5"),
    ("data", "class_balance", "sampling"),
    ("trainer", "devices", "2"),
    ("trainer", "precision", "mixed_bfloat16"),
    ("evaluation", "tta", "8"),
)
_WIDTH = 86
_INDENT = "  "


def starter_yaml(
    recipe: str, file: Path, train: str | None, data_lines: Sequence[str]
) -> str:
    """Returns the settings of a recipe as YAML, with a comment for each setting.

    Args:
        recipe: The name of the recipe.
        file: Where the text will be written, for the commands in its head.
        train: The training images, if they are known.
        data_lines: Lines that describe these images.
    """
    settings = parse_yaml(recipes()[recipe].text, recipe).content
    if train is not None:
        named = {"train": train}  # first, and in place of what the recipe names
        settings["data"] = named | settings.get("data", {}) | named
    command = typed(command_of(recipe), file)
    where = "" if train or "train" in settings.get("data", {}) else " data.train=FOLDER"
    head = [
        f"{recipes()[recipe].summary.split(':')[0]}.",
        f"Train: {command}{where}",
        f"Check without training: {command}{where} --dry-run",
        f"Change one setting: {command}{where} trainer.max_epochs=20",
        "All settings and their defaults: keraunos config --help",
        *data_lines,
    ]
    lines = as_comments(head).splitlines()
    missing = {section for section, _, _ in _COMMON} - settings.keys()
    for name, value in {**settings, **dict.fromkeys(sorted(missing))}.items():
        lines += ["", *_section(name, value)]
    return "\n".join(lines) + "\n"


def command_of(recipe: str) -> str:
    """Returns the command for a recipe: `fit` or `search`.

    Example:
        >>> command_of("classify"), command_of("wide_search")
        ('fit', 'search')
    """
    settings = parse_yaml(recipes()[recipe].text, recipe).content
    return "search" if "search" in settings else "fit"


def _section(name: str, value: Any) -> Iterator[str]:
    if name == "efforts":
        yield "# Settings that `effort=NAME`, typed after the file, changes."
        yield from _yaml({name: value})
        return
    common = [(key, example) for section, key, example in _COMMON if section == name]
    if value is None:  # a section without settings
        yield f"# {name}:"
    elif not isinstance(value, dict):
        yield from _commented(name, "")
        yield from _yaml({name: value})
        return
    else:
        yield f"{name}:"
        for key, each in value.items():
            yield from _commented(f"{name}.{key}", _INDENT)
            yield from (_INDENT + line for line in _yaml({key: each}))
    for key, example in common:
        if key not in (value or {}):
            yield from _commented(f"{name}.{key}", _INDENT)
            yield f"{_INDENT}# {key}: {example}"


def _yaml(content: Mapping[str, Any]) -> Iterable[str]:
    return write_yaml(dict(content)).rstrip("\n").splitlines()


def _commented(setting: str, indent: str) -> Iterator[str]:
    """Yields the description of a setting, given by its dotted name, as comments."""
    described = settings_by_name().get(setting)
    text = "" if described is None else described.description
    for line in textwrap.wrap(text, _WIDTH - len(indent), break_on_hyphens=False):
        yield f"{indent}# {line}"
