"""`keraunos recipes` and `keraunos config`: list recipes and print configurations."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ...configs import (
    RunConfig,
    changed_by_effort,
    json_schema,
    load_config,
    recipes,
    split_arguments,
    to_yaml,
)
from ...configs.reference import groups
from ...core.console import PlainConsole
from ...core.errors import ConfigError, message
from ...core.files import write_text_atomic
from ..completions import complete_configuration
from ..console import show, show_table
from ..examples import WithExamples
from ..output_file import writing


class WithSettings(WithExamples):
    """A command whose help ends with a list of all settings."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Writes the examples, then the settings, section by section."""
        super().format_epilog(ctx, formatter)
        for group in groups():
            rows = [
                (each.name, f"{each.description} [{each.kind}; default: {each.default}]")
                for each in group.settings
            ]
            with formatter.section(f"{group.name or 'run'} ({group.summary.rstrip('.')})"):
                formatter.write_dl(rows or [("-", "has no options")])


def list_recipes() -> None:
    """List the configurations that ship with Keraunos."""
    table = Table("recipe", "what it does")
    for recipe in recipes().values():
        table.add_row(recipe.name, recipe.summary)
    show_table(table)


def show_config(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RECIPE... [KEY=VALUE...]",
            help="Recipes or YAML files, merged from left to right, followed by single "
            "settings.",
            show_default=False,
            autocompletion=complete_configuration,
        ),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print a JSON Schema for editors instead.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="File to write to; by default standard output.")
    ] = None,
) -> None:
    """Print a complete configuration. All settings are listed below."""
    text = _schema(arguments or []) if schema else _configuration(arguments or [])
    if output is None:
        show(text)
    else:
        with writing(output) as path:
            write_text_atomic(path, f"{text}\n")


def _schema(arguments: list[str]) -> str:
    if arguments:
        raise ConfigError(
            message(
                "`config --schema` is the same for every configuration.",
                f"Leave {' '.join(arguments)} out.",
                arguments=arguments,
            )
        )
    return json.dumps(json_schema(), indent=2)


def _configuration(arguments: list[str]) -> str:
    if not arguments:
        raise ConfigError(
            message(
                "A recipe, a YAML file or a setting is needed.",
                "Try quickstart, or see `keraunos recipes`.",
                arguments=arguments,
            )
        )
    sources, overrides = split_arguments(arguments)
    config = load_config(sources, overrides)
    changes = _effort_changes(config, changed_by_effort(sources, overrides))
    text = changes + to_yaml(config).rstrip("\n")
    if PlainConsole(file=sys.stdout).shown(text) == text:
        return text
    # Escaped text reads back as the same settings.
    return _ascii(changes) + to_yaml(config, in_ascii=True).rstrip("\n")


def _effort_changes(config: RunConfig, changes: list[str]) -> str:
    """Returns the changes of an effort as comments, to put above the settings."""
    if config.effort is None:
        return ""
    lines = [f"effort={config.effort} changes", *(f"  {line}" for line in changes)]
    return "".join(f"# {line}\n" for line in lines)


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()
