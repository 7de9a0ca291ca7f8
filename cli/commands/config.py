"""`keraunos recipes` and `keraunos config`: what can be run, and with which settings."""

import sys
from typing import Annotated

import typer
from rich.table import Table

from ...configs import load_config, recipes, split_arguments, to_yaml
from ...core.console import PlainConsole
from ..console import show, show_table


def list_recipes() -> None:
    """List the configurations that ship with Keraunos."""
    table = Table("recipe", "what it does")
    for recipe in recipes().values():
        table.add_row(recipe.name, recipe.summary)
    show_table(table)


def show_config(
    arguments: Annotated[
        list[str],
        typer.Argument(metavar="RECIPE... [KEY=VALUE...]", show_default=False),
    ],
) -> None:
    """Write out a complete configuration, to be redirected into a file."""
    sources, overrides = split_arguments(arguments)
    config = load_config(sources, overrides)
    text = to_yaml(config).rstrip("\n")
    if PlainConsole(file=sys.stdout).shown(text) != text:  # it would be other settings
        text = to_yaml(config, in_ascii=True).rstrip("\n")
    show(text)
