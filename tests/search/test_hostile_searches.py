"""Untrusted search directories, and a chief that names directories."""

import os

import pytest
from keraunos.core.checkpoints import remove_all
from keraunos.core.errors import CheckpointError, ConfigError
from keraunos.core.removal import remove_unfinished
from keraunos.search import directory as search_directories
from keraunos.search import folds
from keraunos.search.cluster.role import Role
from keraunos.search.cluster.worker import Worker
from keraunos.search.directory import search_directory
from keraunos.search.journal import Journal
from keraunos.search.trials import TrialPlan, _take_over
from outside import KINDS, make_outside, plant, snapshot

PLACES = [
    ".begun-trial-000.json",
    ".lock",
    ".lock-owner",
    ".owner-of-trial-0",
    ".trial-000-abcdefgh",
    "best.yaml",
    "importance.csv",
    "results.csv",
    "search.png",
    "tensorboard",
    "tensorboard/events.out.tfevents.1.host.v2",
    "trial-000",
]


@pytest.mark.parametrize("kind", KINDS)
def test_links_and_special_files_are_rejected_before_any_change(tmp_path, kind):
    outside = make_outside(tmp_path / "outside")
    for number, place in enumerate(PLACES):
        directory = tmp_path / f"search-{number}"
        directory.mkdir()
        (directory / "search.json").write_text("{}")
        plant(directory / place, kind, outside)
        before = snapshot(tmp_path)
        with (
            pytest.raises(ConfigError, match="It is left as it is"),
            search_directory(directory),
        ):
            pass
        assert snapshot(tmp_path) == before, place


def test_fifo_in_place_of_the_journal_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "search.json")
    with pytest.raises(CheckpointError, match="not a regular file"):
        Journal(tmp_path / "search.json", {})


def test_cleanup_removes_only_leftovers_of_killed_processes(tmp_path):
    outside = make_outside(tmp_path / "outside")
    for name in (".trial-000-12345678", ".trial-mine", "trial-000", ".trial-000-12345678x"):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
    plant(tmp_path / ".trial-001-12345678", "link to a folder", outside)
    before = snapshot(outside)
    (tmp_path / ".search.json-12345678.json").touch()
    (tmp_path / ".album.json-12345678.json").touch()
    remove_unfinished(tmp_path, search_directories._UNFINISHED)
    left = {each.name for each in tmp_path.iterdir()} - {"outside"}
    assert left == {
        ".trial-001-12345678",
        ".trial-000-12345678x",
        ".trial-mine",
        ".album.json-12345678.json",
        "trial-000",
    }
    assert snapshot(outside) == before


def test_cleanup_of_a_trial_removes_only_unfinished_fold_copies(tmp_path):
    outside = make_outside(tmp_path / "outside")
    trial = tmp_path / "trial-000"
    for name in (".fold-1-12345678", ".fold-mine", "fold-1", ".fold-10-1234567"):
        (trial / name / "checkpoints").mkdir(parents=True)
    (trial / ".fold_outcomes.json-12345678.json").touch()
    plant(trial / ".fold-2-12345678", "link to a folder", outside)
    before = snapshot(outside)
    remove_unfinished(trial, folds._UNFINISHED)
    left = {each.name for each in trial.iterdir()}
    assert left == {".fold-2-12345678", ".fold-mine", "fold-1", ".fold-10-1234567"}
    assert snapshot(outside) == before


def test_removing_checkpoints_keeps_all_other_files(tmp_path):
    checkpoints = tmp_path / "checkpoints"
    for name in ("step-00000003", "step-00000005-mid-epoch", "frozen", "album"):
        (checkpoints / name).mkdir(parents=True)
        (checkpoints / name / "weights.safetensors").write_bytes(b"1")
    (checkpoints / "step-00000005-mid-epoch" / "cat.jpg").write_bytes(b"mine")
    (checkpoints / "best.txt").write_text("step-00000003\n")
    plant(checkpoints / "step-00000007", "link to a folder", make_outside(tmp_path / "out"))
    before = snapshot(tmp_path / "out")
    remove_all(checkpoints)
    left = {each.name for each in checkpoints.iterdir()}
    assert left == {"album", "step-00000005-mid-epoch", "step-00000007"}
    assert (checkpoints / "step-00000005-mid-epoch" / "cat.jpg").exists()
    assert snapshot(tmp_path / "out") == before


def test_continuing_a_trial_with_a_link_as_checkpoints_is_rejected(tmp_path):
    outside = make_outside(tmp_path / "outside")
    plant(tmp_path / "trial-000" / "checkpoints", "link to a folder", outside)
    plan = TrialPlan(
        1, {"values": {}}, tmp_path / "trial-001", None, tmp_path / "trial-000"
    )
    with pytest.raises(ConfigError, match="checkpoints is a symbolic link"):
        _take_over(plan)
    assert not (tmp_path / "trial-001").exists()


def test_worker_maps_trial_directories_below_its_own_search(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAUNOS_TOKEN", "0123456789abcdef")
    role = Role("worker", "127.0.0.1:1")
    worker = Worker(role, lambda plan: plan.directory, "loss", {}, tmp_path)
    told = TrialPlan(3, {"values": {}}, tmp_path.parent, None, tmp_path.parent / "x-002")
    plan = worker._localize(told)
    assert plan.directory == tmp_path / "trial-003"
    assert plan.continues == tmp_path / "trial-002"
