"""The rooms of a search import one way, and Keras Tuner's own parts stay in one of them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "search"
# From the ground up: a room imports those before it. A file is a room of its own.
ROOMS = (
    "tuning",
    "journal",
    "directory",
    "trial_config",
    "trials",
    "study",
    "report",
    "executors",
    "cluster",
    "processes",
    "search",
    "session",
    "hypermodel",
)
FILES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or "__" not in
               path.name)  # fmt: skip


def room_of(file):
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def imports_of(file):
    """What a file imports from `keraunos.search`, by room, and from elsewhere by name."""
    rooms, others = set(), set()
    depth = len(file.relative_to(ROOT).parts)
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            others |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            others.add(node.module)
        elif isinstance(node, ast.ImportFrom) and node.level == depth:
            names = [node.module] if node.module else [each.name for each in node.names]
            rooms |= {name.split(".")[0] for name in names}
    return rooms, others


def test_every_room_has_its_place():
    assert {room_of(file) for file in FILES} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_those_before_it(room):
    allowed = set(ROOMS[: ROOMS.index(room)])
    for file in FILES:
        if room_of(file) == room:
            assert imports_of(file)[0] <= allowed, file


def test_only_one_room_knows_how_keras_tuner_is_made():
    for file in FILES:
        parts = [name for name in imports_of(file)[1] if name.startswith("keras_tuner.")]
        assert room_of(file) == "tuning" or not parts, file
