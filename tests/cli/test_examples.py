"""What help shows beside options."""

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
    groups = ["Train", "Inspect", "Evaluate", "Deploy", "Machine"]
    assert panels == [f"{name}:" for name in ("Options", *groups, "Examples")]
    assert "..." not in answer.out.partition("Train:")[2]
    for name in SHOWN:
        assert f"\n  {name} " in answer.out


@pytest.mark.parametrize("width", [60, 100])
def test_help_names_types_as_people_do_and_describes_everything(
    keraunos, monkeypatch, width
):
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


def test_options_of_a_server_are_grouped(keraunos):
    headings = re.findall(r"^\w[\w ]*:$", keraunos("serve", "--help").out, re.MULTILINE)
    groups = ["Workers", "Batches", "Request limits", "Time limits", "Examples"]
    assert headings == [f"{name}:" for name in ("Arguments", "Options", *groups)]


def test_the_version_is_an_option(keraunos):
    assert keraunos("--version").out == f"keraunos {version('keraunos')}\n"


def test_examples_are_lines_to_be_copied(keraunos, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    lines = keraunos("fit", "--help").out.splitlines()
    assert lines[lines.index("Examples:") + 1 :][: len(EXAMPLES["fit"])] == [
        f"  {line}" for line in EXAMPLES["fit"]
    ]
