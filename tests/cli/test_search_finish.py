"""Steps that follow a search; commands/ has whole searches."""

import csv
import json
import shutil
from pathlib import Path

import keras_tuner
import numpy as np
import pytest
from helpers import make_images
from keraunos.cli.divided_images import list_images, read_index, with_tables
from keraunos.cli.nested_search import _configs
from keraunos.cli.search_finish import _is_refitted, finish_search, set_aside_refit
from keraunos.configs import RunConfig
from keraunos.core.checked_files import write_checked_json
from keraunos.core.errors import ConfigError
from keraunos.search.refit_config import refit_config
from keraunos.search.study import Trial


def test_refit_of_a_previous_winner_is_moved_aside(tmp_path):
    for chosen, before in (("trial-001", None), ("trial-002", "trial-001")):
        if before:
            (tmp_path / "chosen.json").write_text(json.dumps({"trial": before}))
        (tmp_path / "refit").mkdir(exist_ok=True)
        (tmp_path / "refit" / "of").write_text(before or "")
        set_aside_refit(tmp_path, before or chosen)
        assert (tmp_path / "refit" / "of").exists()  # the winner is the same, or unknown
    set_aside_refit(tmp_path, "trial-002")
    assert (tmp_path / "refit-of-trial-001" / "of").read_text() == "trial-001"
    assert not (tmp_path / "refit").exists()
    (tmp_path / "refit").mkdir()
    set_aside_refit(tmp_path, "trial-002")
    assert (tmp_path / "refit-of-trial-001-1").is_dir()


def test_refit_is_complete_once_exported_and_tested(tmp_path):
    assert not _is_refitted(tmp_path, has_test=False)
    (tmp_path / "model.keras").touch()
    assert _is_refitted(tmp_path, has_test=False)
    assert not _is_refitted(tmp_path, has_test=True)
    write_checked_json(tmp_path / "test.json", {"accuracy": 0.5})
    assert _is_refitted(tmp_path, has_test=True)
    (tmp_path / "test.json").write_text("{}")
    assert not _is_refitted(tmp_path, has_test=True)


def test_ensemble_names_the_trial_whose_models_were_not_kept(tmp_path):
    trial = Trial(4, keras_tuner.HyperParameters(), fold_scores=[0.5, 0.6])
    with pytest.raises(ConfigError, match=r"models of trial-004.*search\.finish=refit"):
        finish_search("ensemble", RunConfig(), trial, tmp_path)


def test_finish_none_does_nothing(tmp_path):
    trial = Trial(4, keras_tuner.HyperParameters())
    assert finish_search("none", RunConfig(), trial, tmp_path) is None


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    root = make_images(tmp_path_factory.mktemp("images"), {"cat": 6, "dog": 6}, size=32)
    data = {"train": str(root), "validation_split": 0.5, "test_split": 0.25}
    cache = tmp_path_factory.mktemp("cache")
    return RunConfig(data=data, cache_dir=str(cache))


def test_split_tables_contain_exactly_the_images_of_their_split(config, tmp_path):
    images = list_images(config)
    index = images.index
    is_test = index.splits == 2
    assert is_test.sum() == 4  # two of each class, and none is held out for validation
    sides = {"train": ~is_test, "test": is_test, "validation": np.zeros(12, bool)}
    own = with_tables(config, images, sides, tmp_path / "tables")
    assert (own.data.validation, own.data.test_split) == (None, 0.0)
    whole = list_images(own).index
    for split, rows in ((0, ~is_test), (2, is_test)):
        assert set(whole.paths[whole.splits == split]) == set(index.paths[rows])
    again = with_tables(config, images, sides, tmp_path / "tables")
    assert again == own


def test_existing_tables_with_different_images_are_rejected(config, tmp_path):
    images = list_images(config)
    rows = np.ones(len(images.index), bool)
    with_tables(config, images, {"train": rows}, tmp_path / "tables")
    rows[0] = False
    with pytest.raises(ConfigError, match="with the same images"):
        with_tables(config, images, {"train": rows}, tmp_path / "tables")


def test_dropped_images_are_listed_next_to_the_tables(tmp_path):
    root = make_images(tmp_path / "images", {"cat": 4, "dog": 4}, size=32)
    (root / "cat" / "broken.png").write_bytes(b"no image")
    data = {"train": str(root), "on_unreadable": "drop"}
    config = RunConfig(data=data, cache_dir=str(tmp_path / "cache"))
    images = list_images(config)
    sides = {"train": np.ones(len(images.index), bool)}
    own = with_tables(config, images, sides, tmp_path / "tables")
    with open(tmp_path / "tables" / "dropped.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert Path(row["path"]) == root / "cat" / "broken.png"
    assert row["policy"] == "on_unreadable"
    assert not list_images(own).dropped  # the tables do not contain it


@pytest.mark.parametrize("validation", [None, "Val"])
def test_refit_keeps_the_splits_and_dropped_images_of_the_search(tmp_path, validation):
    for name, count in (("Train", 8), ("Val", 3), ("Test", 4)):
        make_images(tmp_path / name, {"cat": count, "dog": count}, 32, seed=count)
    across = ("Train/cat", "Train/dog"), ("Train/dog", "Test/cat")
    for number, (source, target) in enumerate((*across, ("Val/cat", "Train/cat"))):
        file = sorted((tmp_path / source).iterdir())[-1 - number]
        shutil.copy(file, tmp_path / target / f"copy-{number}.png")
    given = validation and str(tmp_path / validation)
    policies = {"on_conflict": "drop", "on_leak": "drop"}
    folders = {"train": str(tmp_path / "Train"), "test": str(tmp_path / "Test")}
    config = RunConfig(data=folders | policies | {"validation": given})
    whole = read_index(config)
    refit = read_index(refit_config(config, 2))
    assert refit.dropped == whole.dropped
    assert len(refit.dropped) == (4 if validation else 3)
    assert refit.index.contradictory.sum() == 1  # of the test images
    before = np.where(whole.index.splits == 1, 0, whole.index.splits)
    assert refit.index.splits.tolist() == before.tolist()
    assert set(whole.remarks) <= set(refit.remarks)


def test_outer_folds_send_no_alerts_or_heartbeats(config, tmp_path):
    own = {"alerts": {"command": ["page"]}, "heartbeat": {"file": "/tmp/beat.json"}}
    wanted = RunConfig(callbacks=own, search={"outer_folds": 2, "finish": "refit"})
    update = {"callbacks": wanted.callbacks, "search": wanted.search}
    for each in _configs(config.model_copy(update=update), tmp_path):
        assert each.search.outer_folds is None
        assert each.callbacks == {"alerts": None, "heartbeat": {"file": None}}


def test_refit_with_a_callback_that_needs_validation_is_rejected_early(
    keraunos, small, unchanged
):
    space = "search.space.model.arguments.size={choice: [32]}"
    plateau = "callbacks.ReduceLROnPlateau={patience: 2}"
    answer = keraunos("search", *small, space, plateau, "search.finish=refit")
    assert answer.code == 2
    assert "callbacks.ReduceLROnPlateau" in answer.err
    assert unchanged()
