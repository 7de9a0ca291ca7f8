"""Several workers give what one gives; one of them writes, and all stop together."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import contents
from keraunos.core.bundle import read_bundle
from worker_programs import EPOCHS, STEPS

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[1]


def run(function: str, count: int, folder: Path, *arguments: object) -> list[int]:
    """The exit codes of so many workers that ran a function of `worker_programs`."""
    program = [sys.executable, str(TESTS / "forked_workers.py")]
    place = f"worker_programs:{function}"
    done = subprocess.run(
        [*program, place, str(count), str(folder), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return list(json.loads(done.stdout.splitlines()[-1]))


def said(folder: Path, rank: int) -> str:
    return (folder / f"log-{rank}").read_text()


def kept(path: Path) -> tuple[list[np.ndarray], dict[str, Any]]:
    arrays = np.load(path.with_name(path.name + ".npz"))
    values = json.loads(path.with_name(path.name + ".json").read_text())
    return [arrays[name] for name in arrays.files], values


def assert_close(got: Any, expected: Any) -> None:
    assert len(got[0]) == len(expected[0])
    for a, b in zip(got[0], expected[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)
    assert_same_values(got[1], expected[1])


def assert_same_values(got: Any, expected: Any) -> None:
    """Nested values that differ in nothing but the last digits of numbers."""
    if isinstance(expected, dict):
        assert got.keys() == expected.keys()
        for key in expected:
            assert_same_values(got[key], expected[key])
    elif isinstance(expected, list):
        assert len(got) == len(expected)
        for a, b in zip(got, expected, strict=True):
            assert_same_values(a, b)
    elif isinstance(expected, float):
        assert got == pytest.approx(expected, abs=1e-10)


@pytest.fixture(scope="session")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one worker has trained."""
    folder = tmp_path_factory.mktemp("one")
    assert run("fit", 1, folder, "run") == [0], said(folder, 0)
    return folder


NAMES = ["an Embedding", "BatchNorm"]


@pytest.mark.parametrize("count", [2, 4])
def test_batches_of_every_size_give_what_one_worker_gives(
    count: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    alone = tmp_path_factory.mktemp("alone")
    names = NAMES if count == 2 else NAMES[-1:]
    assert run("train_cases", 1, alone, *names) == [0], said(alone, 0)
    assert run("train_cases", count, tmp_path, *names) == [0] * count, said(tmp_path, 0)
    for name in names:
        expected = kept(alone / f"{name} 0")
        for rank in range(count):
            assert_close(kept(tmp_path / f"{name} {rank}"), expected)


def test_a_fit_gives_the_same_and_the_chief_alone_writes(one: Path, tmp_path: Path) -> None:
    assert run("fit", 2, tmp_path, "run") == [0, 0], said(tmp_path, 1)
    expected = kept(one / "run 0")
    for rank in (0, 1):
        got = kept(tmp_path / f"run {rank}")
        assert_close((got[0], got[1] | {"best": ""}), (expected[0], expected[1]))
    weights, other = (kept(tmp_path / f"run {rank}")[0][:-1] for rank in (0, 1))
    for a, b in zip(weights, other, strict=True):  # BatchNorm's statistics among them
        np.testing.assert_array_equal(a, b)
    names = {Path(name).parts[0] for name in contents(tmp_path / "run")}
    assert names == {Path(name).parts[0] for name in contents(one / "run")}
    assert (tmp_path / "run 0.csv").exists()
    assert not (tmp_path / "run 1.csv").exists()
    assert "epoch=3/3" in said(tmp_path, 0)
    assert "epoch=" not in said(tmp_path, 1)
    assert lines(tmp_path) == EPOCHS


def lines(folder: Path) -> int:
    return len((folder / "run" / "metrics.jsonl").read_text().splitlines())


def test_a_stop_that_one_asks_for_is_that_of_all(tmp_path: Path) -> None:
    assert run("fit", 2, tmp_path, "run", "stop", 1) == [0, 0], said(tmp_path, 1)
    reasons = [kept(tmp_path / f"run {rank}")[1]["stop_reason"] for rank in (0, 1)]
    assert reasons == ["one worker has had enough"] * 2
    assert lines(tmp_path) == 2


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)])
def test_stopped_by_a_signal_to_any_worker_other_numbers_of_them_go_on(
    before: int, after: int, one: Path, tmp_path: Path
) -> None:
    codes = run("fit", before, tmp_path, "run", "signal", before - 1)
    assert codes == [128 + 15] * before, said(tmp_path, 0)
    name = f"step-{STEPS + 2:08d}-mid-epoch"
    assert (tmp_path / "run/checkpoints/last.txt").read_text().strip() == name
    assert run("fit", after, tmp_path, "run") == [0] * after, said(tmp_path, 0)
    expected = kept(one / "run 0")
    for rank in range(after):
        assert_close(kept(tmp_path / f"run {rank}"), expected)
    assert lines(tmp_path) == EPOCHS


def test_a_checkpoint_that_a_worker_asks_for_holds_what_all_have(tmp_path: Path) -> None:
    assert run("fit", 2, tmp_path, "run", "save", 1) == [0, 0], said(tmp_path, 1)
    saved = tmp_path / "run" / "checkpoints" / f"step-{STEPS + 2:08d}-mid-epoch"
    metrics = read_bundle(saved).arrays["metrics"]
    assert {len(values) for values in metrics.values()} == {2}  # one row a replica
    # Two steps of four examples each: the confusion matrix, or a count of examples.
    assert 8 in {float(values.sum()) for values in metrics.values()}
