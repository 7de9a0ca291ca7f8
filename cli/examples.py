"""Formats the help: examples for each command, options and commands in groups."""

import re
from collections.abc import Sequence
from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

EXAMPLES: dict[str, tuple[str, ...]] = {
    "init": ("keraunos init", "keraunos init lesions.yaml --data lesions"),
    "fit": (
        "keraunos fit quickstart",
        "keraunos fit classify data.train=lesions trainer.max_epochs=20",
        "keraunos fit --resume runs/classify-001",
    ),
    "search": ("keraunos search wide_search data.train=lesions search.max_trials=30",),
    "launch": (
        "keraunos launch --workers 2 -- fit classify data.train=lesions run_dir=runs/two",
    ),
    "recipes": ("keraunos recipes",),
    "config": ("keraunos config classify effort=good", "keraunos config --schema"),
    "backbones": ("keraunos backbones ResNet50 EfficientNetB0",),
    "runs": ("keraunos runs", "keraunos runs runs/classify-search-001"),
    "show": ("keraunos show runs/classify-001",),
    "tensorboard": (
        "keraunos tensorboard",
        "keraunos tensorboard runs/classify-001 runs/classify-002 -- --port 6007",
    ),
    "compare": ("keraunos compare runs/classify-001 runs/classify-002 --paired",),
    "preview": ("keraunos preview classify data.train=lesions",),
    "audit": (
        "keraunos audit lesions --html audit.html",
        "keraunos audit runs/classify-001",
    ),
    "probe": ("keraunos probe data.train=lesions backbones=[ResNet50,EfficientNetB0]",),
    "test": ("keraunos test runs/classify-001", "keraunos test runs/classify-001 --tta 8"),
    "report": ("keraunos report runs/classify-001",),
    "predict": ("keraunos predict runs/classify-001 new_images --output answers.csv",),
    "export": ("keraunos export runs/classify-001 --format onnx,litert",),
    "serve": ("keraunos serve runs/classify-001 --port 8000",),
    "pack": ("keraunos pack lesions packed_lesions",),
    "doctor": ("keraunos doctor", "keraunos doctor --selftest"),
    "benchmark": ("keraunos benchmark runs/classify-001 --batch-sizes 1,32",),
    "cache": ("keraunos cache", "keraunos cache --clear features"),
}

WIDEST = 100  # columns
_WHOLE = 1_000  # characters: no first sentence is cut off
# How types of options are shown.
_TYPES = {"int": "N", "float": "NUMBER", "str": "TEXT", "path": "PATH"}


FIRST_STEPS = ("keraunos fit quickstart", "keraunos fit --help")


class WithExamples(TyperCommand):
    """A command whose help groups its options and ends with examples."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Names the arguments as in their descriptions."""
        given = [each for each in self.get_params(ctx) if isinstance(each, TyperArgument)]
        return [self.options_metavar or "", *map(_usage, given)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the arguments, then a section for each group of options."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for each in self.get_params(ctx):
            record = each.get_help_record(ctx)
            if record is not None:
                sections.setdefault(_section(each), []).append(_row(each, record))
        sections = {name: rows for name, rows in sections.items() if rows}
        for name, rows in sections.items():
            with formatter.section(name):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Writes the examples."""
        _write_examples(formatter, EXAMPLES.get(self.name or "", ()))


class InPanels(TyperGroup):
    """A group whose help lists its commands under the headings of their panels."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes a section for each panel, in the order of the commands."""
        panels: dict[str, list[tuple[str, Any]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                panel = command.rich_help_panel or "Commands"
                panels.setdefault(str(panel), []).append((name, command))
        longest = max(len(name) for rows in panels.values() for name, _ in rows)
        for panel, commands in panels.items():
            with formatter.section(panel):
                rows = [
                    (f"{name:{longest}}", each.get_short_help_str(_WHOLE))
                    for name, each in commands
                ]
                formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Writes how to begin."""
        _write_examples(formatter, FIRST_STEPS)


def _write_examples(formatter: Any, lines: Sequence[str]) -> None:
    if lines:
        with formatter.section("Examples"):
            for line in lines:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def _usage(argument: TyperArgument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _section(parameter: Any) -> str:
    if isinstance(parameter, TyperArgument):
        return "Arguments"
    panel = parameter.rich_help_panel if isinstance(parameter, TyperOption) else None
    return str(panel or "Options")


def _row(parameter: Any, record: tuple[str, str]) -> tuple[str, str]:
    """Returns a row of help with readable type names; arguments have no type."""
    name, text = record
    if isinstance(parameter, TyperArgument):
        return parameter.metavar or name, text
    return re.sub(r"<(\w+)(?: range)?>", lambda m: _TYPES.get(m[1], m[0]), name), text
