"""The sub-packages of data import one way only."""

import ast
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "data"
# From the ground up: a room imports those before it, and files beside them all.
ROOMS = ("synthetic", "files", "copies", "index", "audit")


def imported_rooms(source: str) -> set[str]:
    """The parts of data, rooms or single files, that a file of a room imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 2:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {name.split(".")[0] for name in names}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_those_before_it(room):
    allowed = set(ROOMS[: ROOMS.index(room)])
    for file in sorted((DATA / room).rglob("*.py")):
        wrong = imported_rooms(file.read_text()) - allowed
        assert not wrong, f"{file} imports {wrong}"


def test_no_room_is_missing_from_the_list():
    assert {path.parent.name for path in DATA.glob("*/__init__.py")} == set(ROOMS)
