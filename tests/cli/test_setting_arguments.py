"""Suggestions for options that are settings, and for directories as arguments."""

import json

import pytest


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["search", "classify", "--max-trials", "5"], "KEY=VALUE: search.max_trials=5."),
        (["search", "classify", "--folds=4"], "KEY=VALUE: search.folds=4."),
        (["fit", "classify", "--folds", "4"], "KEY=VALUE: data.folds=4."),
        (["fit", "classify", "--seed"], "KEY=VALUE: seed=VALUE."),
        (["fit", "classify", "--trainer.max-epochs", "3"], ": trainer.max_epochs=3."),
    ],
)
def test_option_named_like_a_setting_suggests_key_value_syntax(keraunos, typed, words):
    answer = keraunos(*typed)
    assert answer.code == 2
    assert f"`keraunos {typed[0]}` has no option {typed[2].partition('=')[0]}" in answer.err
    assert words in answer.err


def test_other_unknown_options_are_left_to_the_parser(keraunos):
    answer = keraunos("fit", "classify", "--dry-runn")
    assert answer.code == 2
    assert "--dry-run" in answer.err.replace("--dry-runn", "")


@pytest.mark.parametrize("typed", [["--resume"], []])
def test_search_directory_as_argument_suggests_repeating_its_command(
    keraunos, tmp_path, typed
):
    (tmp_path / "trial-000").mkdir()
    (tmp_path / "search.json").write_text("{}")
    command = ["keraunos", "search", "classify", "search.folds=3", "run_dir=elsewhere"]
    note = tmp_path / "trial-000" / "environment.json"
    note.write_text(json.dumps({"command": command}))
    answer = keraunos("search", *typed, tmp_path)
    assert answer.code == 2
    wanted = f"`keraunos search classify search.folds=3 run_dir={tmp_path}`"
    assert f"Repeat the command of a search to resume it: {wanted}." in answer.err


def test_run_directory_as_configuration_suggests_resuming(keraunos, tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    answer = keraunos("fit", tmp_path)
    assert answer.code == 2
    assert f"`keraunos fit --resume {tmp_path}`" in answer.err
