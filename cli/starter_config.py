"""Writes the settings of a recipe as YAML to begin from, with a comment for each."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..configs import recipes
from ..configs.reference import settings_by_name
from ..configs.yaml_file import parse_yaml, write_yaml
from .best_config import as_comments
from .typed_command import typed

# Settings that are often wanted and that no recipe names: section, name, example.
_OFTEN = (
    ("data", "test", "FOLDER"),
    ("data", "folds", "5"),
    ("data", "class_balance", "sampling"),
    ("trainer", "devices", "2"),
    ("trainer", "precision", "mixed_bfloat16"),
    ("evaluation", "tta", "8"),
)
_WIDTH = 86
_INDENT = "  "


def starter_yaml(recipe: str, file: Path, train: str | None, looked: Sequence[str]) -> str:
    """A configuration like a recipe, in which each setting has a comment.

    Args:
        recipe: Its name.
        file: Where it will be written, for the first line.
        train: The images, if they are known.
        looked: What was found there.
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
        *looked,
    ]
    lines = as_comments(head).splitlines()
    often = {section for section, _, _ in _OFTEN} - settings.keys()
    for name, value in {**settings, **dict.fromkeys(sorted(often))}.items():
        lines += ["", *_section(name, value)]
    return "\n".join(lines) + "\n"


def command_of(recipe: str) -> str:
    """The command that a recipe is for: `fit`, or `search`.

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
    often = [(key, example) for section, key, example in _OFTEN if section == name]
    if value is None:  # a section of which nothing is set yet
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
    for key, example in often:
        if key not in (value or {}):
            yield from _commented(f"{name}.{key}", _INDENT)
            yield f"{_INDENT}# {key}: {example}"


def _yaml(content: Mapping[str, Any]) -> Iterable[str]:
    return write_yaml(dict(content)).rstrip("\n").splitlines()


def _commented(setting: str, indent: str) -> Iterator[str]:
    """The description of a setting, by its dotted name, as comments."""
    described = settings_by_name().get(setting)
    text = "" if described is None else described.description
    for line in textwrap.wrap(text, _WIDTH - len(indent), break_on_hyphens=False):
        yield f"{indent}# {line}"
