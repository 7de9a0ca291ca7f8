"""Within a package, sub-packages and files import one way only.

A room is a file or sub-package directly in a package; docs/architecture.md lists them.
"""

import ast
from pathlib import Path

import pytest
from test_architecture import ROOT

# From the lowest layer to the highest: a room may import those before it. A file that is
# not in the list may import all of them, and none of them may import it.
ROOMS = {
    "data": (
        "synthetic",
        "files",
        "copies",
        "index",
        "streams",
        "audit",
        "augmentation",
    ),
    "trainer": (
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
        "preparation",
        "fit",
        "subject",
        "checked_export",
        "evaluator",
        "trainer",
    ),
    "evaluation": (
        "text",
        "statistics",
        "confusion",
        "scores",
        "predictions",
        "figures",
        "folds",
        "report",
        "evidence",
        "finding",
        "calibration",
        "abstention",
        "decisions",
        "slices",
        "comparisons",
        "label_doubts",
        "validation_gap",
        "multi_label",
        "regression",
    ),
    "report": (
        "subject",
        "numbers",
        "explanations",
        "robustness",
        "label_doubts",
        "registry",
        "measure",
        "averages",
        "exports",
        "facts",
        "tested_run",
        "run_report",
        "page",
        "image_changes",
        "evaluation_file",
        "task_findings",
        "run_files",
        "make_report",
        "task_report",
        "write_report",
    ),
    "export": (
        "portable",
        "decisions",
        "not_for",
        "untrusted",
        "open_export",
        "description",
        "image_bytes",
        "formats",
        "portable_files",
        "readme",
        "asked_export",
        "comparison",
        "task_parity",
        "parity",
        "place",
        "write_export",
        "corrected",
        "float32_form",
        "evaluated_run",
        "compared_images",
        "export_model",
        "latency",
        "benchmark",
        "quantization",
    ),
    "serving": (
        "settings",
        "errors",
        "images",
        "metrics",
        "parsing",
        "protocols",
        "workers",
        "service",
        "guards",
        "routes",
        "page",
        "app",
        "server",
    ),
    "search": (
        "tuning",
        "journal",
        "directory",
        "trial_time",
        "runs",
        "trials",
        "progress",
        "trial_progress",
        "trial_callbacks",
        "trial_config",
        "racing",
        "study",
        "choice",
        "pace",
        "budget",
        "optimism",
        "winner",
        "result",
        "refit_config",
        "outer_folds",
        "advice",
        "report",
        "insight",
        "executors",
        "cluster",
        "parallel",
        "folds",
        "processes",
        "search",
        "search_alerts",
        "session",
        "hypermodel_trial",
        "hypermodel",
    ),
}
# Rooms that run on the host only: nothing in them is traced.
HOST_ONLY = ("trainer/guards", "trainer/checkpoint", "trainer/loop")


def files_of(package: str, room: str) -> list[Path]:
    folder = ROOT / package / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def imported_rooms(source: str, depth: int) -> set[str]:
    """The rooms of its own package that a file imports.

    Args:
        source: Its text.
        depth: Number of folders between it and its package: 1 for `trainer/loop/loop.py`.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == depth + 1:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {name.split(".")[0] for name in names}
    return found


def traced_calls(source: str) -> set[str]:
    """The names in a file that create or run traced code."""
    nodes = ast.walk(ast.parse(source))
    names = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    return {
        name for name in names if name == "tf.function" or name.endswith("strategy.run")
    }


@pytest.mark.parametrize(
    ("package", "room"), [(package, room) for package in ROOMS for room in ROOMS[package]]
)
def test_room_imports_only_rooms_before_it(package, room):
    rooms = ROOMS[package]
    allowed = {room, *rooms[: rooms.index(room)]}
    for file in files_of(package, room):
        depth = len(file.relative_to(ROOT / package).parts) - 1
        wrong = imported_rooms(file.read_text(), depth) - allowed
        assert not wrong, f"{file} imports {wrong}"


@pytest.mark.parametrize("package", ROOMS)
def test_every_sub_package_is_a_listed_room(package):
    folders = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    assert folders <= set(ROOMS[package])


@pytest.mark.parametrize("room", HOST_ONLY)
def test_host_only_code_does_not_trace(room):
    for file in files_of(*room.split("/")):
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
def test_every_form_of_room_import_is_recognized(source, found):
    assert imported_rooms(source, depth=1) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("tf.function(f)", {"tf.function"}),
        ("@tf.function\ndef f(): ...", {"tf.function"}),
        ("run.strategy.run(f)", {"run.strategy.run"}),
        ("loop.run(run)", set()),
    ],
)
def test_traced_code_is_recognized(source, found):
    assert traced_calls(source) == found
