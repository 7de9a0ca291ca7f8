"""Help beyond options: examples, panels and types."""

import re
import shlex
from importlib.metadata import version

import pytest
import typer
from keraunos.cli.examples import EXAMPLES
from keraunos.cli.main import app
from keraunos.configs import load_config, split_arguments

COMMANDS = typer.main.get_command(app).commands
SHOWN = {name: each for name, each in COMMANDS.items() if not each.hidden}


def test_examples_exist_for_exactly_the_visible_commands():
    assert set(EXAMPLES) == set(SHOWN)


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_every_example_is_a_valid_command(line):
    program, name, *arguments = shlex.split(line)
    assert (program, name in EXAMPLES, line in EXAMPLES[name]) == ("keraunos", True, True)
    context = COMMANDS[name].make_context(name, arguments)
    if name in ("fit", "search", "config", "preview"):
        sources, settings = split_arguments(context.params["arguments"] or [])
        load_config(sources or ["classify"], settings)


def test_help_groups_commands_by_panel_without_truncation(keraunos, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    answer = keraunos("--help")
    panels = re.findall(r"^\w+:$", answer.out, re.MULTILINE)
    groups = ["Train", "Inspect", "Evaluate", "Deploy", "Machine"]
    assert panels == [f"{name}:" for name in ("Options", *groups, "Examples")]
    assert "..." not in answer.out.partition("Train:")[2]
    for name in SHOWN:
        assert f"\n  {name} " in answer.out


@pytest.mark.parametrize("width", [60, 100])
def test_help_describes_every_parameter_without_python_types(keraunos, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    for name in SHOWN:
        answer = keraunos(name, "--help")
        assert not re.search(r"<(list|int|float|str|path)\b", answer.out), name
        described, _, _ = answer.out.partition("Examples:")
        assert max(map(len, described.splitlines())) <= width, name
        usage = " ".join(answer.out.partition("\n\n")[0].split())
        assert re.match(rf"Usage: keraunos {name} \[OPTIONS\]( [^{{}}]+)?$", usage)
    for name, command in SHOWN.items():
        context = command.make_context(name, [], resilient_parsing=True)
        rows = filter(None, (each.get_help_record(context) for each in command.params))
        assert all(text for _, text in rows), name


def test_serve_options_are_grouped(keraunos):
    headings = re.findall(r"^\w[\w ]*:$", keraunos("serve", "--help").out, re.MULTILINE)
    groups = ["Workers", "Batches", "Request limits", "Time limits", "Examples"]
    assert headings == [f"{name}:" for name in ("Arguments", "Options", *groups)]


def test_version_option_prints_the_version(keraunos):
    assert keraunos("--version").out == f"keraunos {version('keraunos')}\n"


def test_examples_are_printed_unwrapped_for_copying(keraunos, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    lines = keraunos("fit", "--help").out.splitlines()
    assert lines[lines.index("Examples:") + 1 :][: len(EXAMPLES["fit"])] == [
        f"  {line}" for line in EXAMPLES["fit"]
    ]
