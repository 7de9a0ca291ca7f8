"""A process that is killed while it saves leaves the old state or the new one."""

import signal
from pathlib import Path
from typing import Any

import pytest
from keraunos.core.bundle import verify_bundle
from keraunos.core.faults import VARIABLE
from programs import Program
from resumable_runs import assert_equal, fit, fit_alone, state

# Where in a save the process dies, and the newest checkpoint that is there then. Those
# of a run are 3, 4, 6, 8, 9 and 12, and frozen weights are written before the first.
OLD, NEW = "step-00000004", "step-00000006-mid-epoch"
POINTS = {
    "after-weights:1": None,  # of the frozen weights
    "before-rename:1": None,
    "after-weights:2": None,
    "after-weights:4": OLD,
    "after-optimizer:3": OLD,
    "after-epoch:3": OLD,
    "after-metrics:3": OLD,
    "after-callbacks:3": OLD,
    "before-manifest:4": OLD,
    "before-rename:4": OLD,
    "before-pointer:3": NEW,
    "during-rotation:1": NEW,
}
# One before the first checkpoint, and of later ones one in each part of a save.
EACH_KIND = {
    "after-weights:2",
    "after-epoch:3",
    "before-rename:4",
    "before-pointer:3",
    "during-rotation:1",
}


def run_until_killed(directory: Path, point: str) -> None:
    output = directory.with_name("said.txt")
    program = Program(fit_alone, directory, output=output, environment={VARIABLE: point})
    assert program.end() == -signal.SIGKILL, program.output


@pytest.mark.feature("atomic write")
@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    [p if p in EACH_KIND else pytest.param(p, marks=pytest.mark.nightly) for p in POINTS],
)
def test_kill_at_any_point_of_a_save_does_not_change_the_result(
    point: str, tmp_path: Path, whole: Any
) -> None:
    run = tmp_path / "run"
    run_until_killed(run, point)
    found = sorted((run / "checkpoints").glob("step-*"))
    for path in found:
        verify_bundle(path)
    newest = max((path.name for path in found), default=None)
    assert newest == POINTS[point]
    assert fit(run).is_finished
    assert_equal(state(run), whole())
    assert {path.name for path in run.rglob(".*")} <= {".lock", ".checksums"}


@pytest.mark.nightly
def test_repeated_kills_do_not_change_the_result(tmp_path: Path, whole: Any) -> None:
    run = tmp_path / "run"
    for point in ("before-pointer:1", "before-pointer:3", "before-manifest:2"):
        run_until_killed(run, point)
    assert fit(run).is_finished
    assert_equal(state(run), whole())
