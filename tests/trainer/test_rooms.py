"""The rooms of the trainer import one way, and only some of them trace code."""

import ast
from pathlib import Path

import pytest
from test_architecture import ROOT

TRAINER = ROOT / "trainer"
# From the ground up. What stands in no folder is a room of its own.
ROOMS = (
    "contracts",
    "result",
    "guards",
    "step",
    "probe",
    "setup",
    "checkpoint",
    "loop",
    "settings",
    "description",
    "export",
    "fit",
    "evaluator",
    "trainer",
)
HOST_ONLY = ("guards", "checkpoint", "loop")


def room_of(file: Path) -> str:
    return file.relative_to(TRAINER).parts[0].removesuffix(".py")


def imported_rooms(source: str, room: str, depth: int) -> set[str]:
    """The other rooms that a file imports.

    Args:
        source: Its text.
        room: Where it is.
        depth: How many folders it lies below `trainer/`.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == depth + 1:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {name.split(".")[0] for name in names}
    return found - {room}


def traced_calls(source: str) -> set[str]:
    """What a file calls that makes or runs traced code."""
    names = {
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
    }
    return {
        name for name in names if name == "tf.function" or name.endswith("strategy.run")
    }


def files() -> list[Path]:
    return [file for file in sorted(TRAINER.rglob("*.py")) if file.name != "__init__.py"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_those_below_it(room: str) -> None:
    allowed = set(ROOMS[: ROOMS.index(room)])
    for file in files():
        if room_of(file) == room:
            depth = len(file.relative_to(TRAINER).parts) - 1
            wrong = imported_rooms(file.read_text(), room, depth) - allowed
            assert not wrong, f"{file} imports {wrong}"


def test_every_room_is_in_the_list() -> None:
    assert {room_of(file) for file in files()} == set(ROOMS)


@pytest.mark.parametrize("room", HOST_ONLY)
def test_host_code_traces_nothing(room: str) -> None:
    for file in files():
        if room_of(file) == room:
            assert not traced_calls(file.read_text()), file


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from ..step.losses import losses", {"step"}),
        ("from .. import result", {"result"}),
        ("from . import epochs\nfrom .pace import Pace", set()),
        ("from ...models import Module", set()),
        ("def f():\n    from ..checkpoint import state", {"checkpoint"}),
    ],
)
def test_every_import_of_a_room_is_seen(source: str, found: set[str]) -> None:
    assert imported_rooms(source, "loop", depth=1) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("tf.function(f)", {"tf.function"}),
        ("@tf.function\ndef f(): ...", {"tf.function"}),
        ("run.strategy.run(f)", {"run.strategy.run"}),
        ("loop.run(run)", set()),
    ],
)
def test_traced_code_is_seen(source: str, found: set[str]) -> None:
    assert traced_calls(source) == found
