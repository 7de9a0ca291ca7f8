"""Several workers train like one; one of them writes, and all stop together."""

import functools
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import worker_programs
from helpers import contents, run_keraunos
from keraunos.core.bundle import read_bundle
from programs import run_workers
from worker_programs import APART, AT_STEP, EPOCHS, train_case

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[1]
CHECKPOINT = f"step-{AT_STEP:08d}-mid-epoch"


def run(
    function: str, count: int, folder: Path, *arguments: object, devices: int = 1
) -> list[int]:
    """The exit codes of this many workers that ran a function of `worker_programs`."""
    if devices == 2:
        return run("on_two_devices", count, folder, function, *arguments)
    return run_workers(getattr(worker_programs, function), count, folder, *arguments)


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
    else:
        assert got == expected


@pytest.fixture(scope="session")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one worker has trained."""
    folder = tmp_path_factory.mktemp("one")
    assert run("fit", 1, folder, "run") == [0], said(folder, 0)
    return folder


@pytest.mark.parametrize(
    ("count", "devices", "names"),
    [
        (2, 1, ["positions", "BatchNorm", f"{APART}BatchNorm"]),
        pytest.param(2, 2, ["positions", "BatchNorm"], marks=pytest.mark.nightly),
        pytest.param(4, 1, ["BatchNorm"], marks=pytest.mark.nightly),
    ],
)
def test_workers_match_one_process_for_batches_of_every_size(
    count: int, devices: int, names: list[str], tmp_path: Path, float64: None
) -> None:
    """One with one replica, or with as many if BatchNorm is per replica."""
    codes = run("train_cases", count, tmp_path, *names, devices=devices)
    assert codes == [0] * count, said(tmp_path, 0)
    for name in names:
        replicas = count * devices if name.startswith(APART) else 1
        history, weights = trained_here(name, replicas)
        for rank in range(count):
            got = kept(tmp_path / f"{name} {rank}")
            assert_close(got, (weights, {"history": history}))


@pytest.mark.nightly
@pytest.mark.parametrize("devices", [1, 2])
def test_dependence_on_the_batch_split_is_found_on_every_worker(
    devices: int, tmp_path: Path
) -> None:
    found = ["a maximum", "a running mean", "a layer that subtracts the batch mean"]
    right = ["gathered rows", "a counter of calls", "classification metrics"]
    codes = run("check_models", 2, tmp_path, *found, *right, devices=devices)
    assert codes == [0, 0], said(tmp_path, 0)
    for rank in range(2):
        words = kept(tmp_path / str(rank))[1]["said"]
        assert [name for name, each in words.items() if each] == found
        assert f"for {4 * devices + 1} rows" in words["a maximum"]


@pytest.mark.nightly
def test_workers_that_read_different_data_are_refused(tmp_path: Path) -> None:
    assert run("check_other_rows", 2, tmp_path) == [2, 2], said(tmp_path, 0)
    for rank in range(2):
        assert "Received: differing_workers={1: ['inputs']}." in said(tmp_path, rank)


@pytest.mark.nightly
def test_two_workers_fit_the_same_head_as_one(image_folder: Path, tmp_path: Path) -> None:
    found = []
    for count in (1, 2):
        folder = tmp_path / str(count)
        folder.mkdir()
        codes = run("fit_a_head", count, folder, str(image_folder / "train"))
        assert codes == [0] * count, said(folder, 0)
        found += [kept(folder / f"head {rank}") for rank in range(count)]
    for weights, values in found[1:]:
        for got, expected in zip(weights, found[0][0], strict=True):
            size = np.abs(expected).max()  # large: features of random weights hardly vary
            np.testing.assert_allclose(got / size, expected / size, atol=1e-4)
        for name, numbers in found[0][1]["history"].items():
            expected = pytest.approx(numbers, abs=1e-5, nan_ok=True)
            assert values["history"][name] == expected, name


trained_here = functools.cache(train_case)


def test_two_workers_match_one_and_only_the_chief_writes(one: Path, tmp_path: Path) -> None:
    assert run("fit", 2, tmp_path, "run") == [0, 0], said(tmp_path, 1)
    assert_same_results(tmp_path, one)
    names = {Path(name).parts[0] for name in contents(tmp_path / "run")}
    assert names == {Path(name).parts[0] for name in contents(one / "run")}
    assert (tmp_path / "run 0.csv").exists()
    assert not (tmp_path / "run 1.csv").exists()
    assert "epoch=3/3" in said(tmp_path, 0)
    assert "epoch=" not in said(tmp_path, 1)
    assert lines(tmp_path) == EPOCHS


def assert_same_results(folder: Path, expected: Path, count: int = 2) -> None:
    """All workers have the same, which is what one worker has; the chief has the best."""
    arrays, values = kept(expected / "run 0")
    results = [kept(folder / f"run {rank}") for rank in range(count)]
    for rank, result in enumerate(results):
        best = values["best"] if rank == 0 else None
        assert_close(result, (arrays, values | {"best": best}))
    for first, *others in zip(*(weights for weights, _ in results), strict=True):
        for other in others:
            np.testing.assert_array_equal(first, other)


def lines(folder: Path) -> int:
    return len((folder / "run" / "metrics.jsonl").read_text().splitlines())


@pytest.mark.nightly
def test_workers_finetune_like_one_with_mid_epoch_validation_and_rate_finder(
    tmp_path: Path,
) -> None:
    folders = {count: tmp_path / str(count) for count in (1, 2)}
    for count, folder in folders.items():
        folder.mkdir()
        assert run("finetune", count, folder, "run") == [0] * count, said(folder, 0)
    assert_same_results(folders[2], folders[1])
    _, values = kept(folders[2] / "run 0")
    assert re.fullmatch(r"step-\d+-mid-epoch", values["best"])  # is put back at the end
    found = values["found"]
    assert found["rates"] == [found["rate"], *[1.0] * (EPOCHS - 1)]


@pytest.mark.nightly
def test_workers_average_weights_and_checkpoints_like_one(tmp_path: Path) -> None:
    folders = {count: tmp_path / str(count) for count in (1, 2)}
    for count, folder in folders.items():
        folder.mkdir()
        assert run("average", count, folder, "run") == [0] * count, said(folder, 0)
    assert_same_results(folders[2], folders[1])
    assert len(kept(folders[2] / "run 1")[1]["soup"]["members"]) > 1


@pytest.mark.nightly
def test_all_workers_stop_when_one_reaches_max_time(tmp_path: Path) -> None:
    assert run("fit", 2, tmp_path, "run", "late", 1) == [0, 0], said(tmp_path, 1)
    assert reasons(tmp_path) == ["max_time of 1,800 seconds is nearly over"] * 2
    assert last_checkpoint(tmp_path) == CHECKPOINT


def reasons(folder: Path) -> list[str]:
    return [kept(folder / f"run {rank}")[1]["stop_reason"] for rank in (0, 1)]


def last_checkpoint(folder: Path) -> str:
    return (folder / "run/checkpoints/last.txt").read_text().strip()


def test_nan_on_one_worker_ends_all_workers_alike(tmp_path: Path) -> None:
    assert run("fit", 2, tmp_path, "run", "nan") == [5, 5], said(tmp_path, 1)
    for rank in (0, 1):
        assert "those of step 3 (epoch 1, batch 3) are not" in said(tmp_path, rank)
    record = json.loads((tmp_path / "run" / "diverged.json").read_text())
    assert record["step"] == 3


@pytest.mark.parametrize(
    ("before", "after", "devices"),
    [(2, 1, 1), pytest.param(1, 2, 2, marks=pytest.mark.nightly)],
)
def test_signaled_run_resumes_with_another_number_of_workers(
    before: int, after: int, devices: int, one: Path, tmp_path: Path
) -> None:
    codes = run("fit", before, tmp_path, "run", "signal", before - 1)
    assert codes == [128 + 15] * before, said(tmp_path, 0)
    assert "interrupted: stopped by SIGTERM; the state is saved\n" in said(tmp_path, 0)
    assert last_checkpoint(tmp_path) == CHECKPOINT
    codes = run("fit", after, tmp_path, "run", devices=devices)
    assert codes == [0] * after, said(tmp_path, 0)
    assert_same_results(tmp_path, one, after)
    assert lines(tmp_path) == EPOCHS


@pytest.mark.nightly
def test_checkpoint_and_stop_requested_by_one_worker_apply_to_all(
    tmp_path: Path,
) -> None:
    assert run("fit", 2, tmp_path, "run", "save and stop", 1) == [0, 0], said(tmp_path, 1)
    assert reasons(tmp_path) == ["one worker has had enough"] * 2
    assert lines(tmp_path) == 2
    saved = tmp_path / "run" / "checkpoints" / CHECKPOINT
    metrics = read_bundle(saved).arrays["metrics"]
    assert {len(values) for values in metrics.values()} == {2}  # one row a replica
    # Two steps of four examples each: the confusion matrix, or a count of examples.
    assert 8 in {float(values.sum()) for values in metrics.values()}


@pytest.mark.nightly
def test_launch_resumes_from_the_last_checkpoint_after_a_worker_is_killed(
    one: Path, tmp_path: Path
) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r}); import pathlib, worker_programs; "
        "worker_programs.fit(pathlib.Path(), 'run', 'kill', 1)"
    )
    options = ["--workers", 2, "--max-restarts", 1, "--", sys.executable, "-c", program]
    done = run_keraunos("launch", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "killed").exists()
    assert re.search(r"worker 1 .* was ended by SIGKILL", done.stderr), done.stderr
    assert "restarting all workers (1 of 1 restarts)" in done.stderr
    assert re.search(r"step-0000000[48]", done.stderr), done.stderr
    assert_same_results(tmp_path, one)
    assert lines(tmp_path) == EPOCHS
