"""What help shows beside options."""

import re
import shlex

import pytest
import typer
from keraunos.cli.examples import EXAMPLES
from keraunos.cli.main import app
from keraunos.configs import load_config, split_arguments

COMMANDS = typer.main.get_command(app).commands
SHOWN = {name: each for name, each in COMMANDS.items() if not each.hidden}


def test_every_command_has_examples_and_every_example_a_command():
    assert set(EXAMPLES) == set(SHOWN)


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_every_example_can_be_typed(line):
    program, name, *arguments = shlex.split(line)
    assert (program, name in EXAMPLES, line in EXAMPLES[name]) == ("keraunos", True, True)
    context = COMMANDS[name].make_context(name, arguments)
    if name in ("fit", "search", "config", "preview"):
        sources, settings = split_arguments(context.params["arguments"] or [])
        load_config(sources or ["classify"], settings)


def test_help_shows_commands_by_panel_and_cuts_nothing_off(keraunos, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    answer = keraunos("--help")
    panels = re.findall(r"^\w+:$", answer.out, re.MULTILINE)
    assert panels == ["Options:", "Train:", "Look:", "Evaluate:", "Ship:", "Machine:"]
    assert "..." not in answer.out.partition("Train:")[2]
    for name in SHOWN:
        assert f"\n  {name} " in answer.out


def test_examples_are_lines_to_be_copied(keraunos, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    lines = keraunos("fit", "--help").out.splitlines()
    assert lines[lines.index("Examples:") + 1 :][: len(EXAMPLES["fit"])] == [
        f"  {line}" for line in EXAMPLES["fit"]
    ]
