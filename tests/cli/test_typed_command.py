"""Printed commands can be copied as they are."""

import shlex
from pathlib import Path

import pytest
from keraunos.cli.typed_command import (
    LAUNCH_VARIABLE,
    as_launched,
    launching,
    remember,
    typed,
    typed_again,
)


def test_worker_reports_the_command_that_launched_it(monkeypatch):
    typed_by_user = ["launch", "--workers", "2", "--", "fit", "a.yaml", "run_dir=my r"]
    remember(typed_by_user)
    monkeypatch.setenv(LAUNCH_VARIABLE, launching())
    remember(typed_by_user[4:])  # in the worker
    assert as_launched(typed_again()) == shlex.join(["keraunos", *typed_by_user])
    monkeypatch.delenv(LAUNCH_VARIABLE)
    assert as_launched(typed_again()) == shlex.join(["keraunos", *typed_by_user[4:]])


@pytest.mark.parametrize(
    "name", ["a", "my runs/a", "it's", "-dash", "a=b", "$HOME", "\u75e3"]
)
def test_paths_are_quoted_for_the_shell(name):
    words = shlex.split(typed("fit --resume", Path(name), "seed=1"))
    assert words[:3] == ["keraunos", "fit", "--resume"]
    assert Path(words[3]) == Path(name)
    assert words[4:] == ["seed=1"]


@pytest.mark.parametrize(
    ("before", "more", "after"),
    [
        (["fit", "a.yaml"], ["run_dir=r"], "fit a.yaml run_dir=r"),
        (
            ["fit", "a.yaml", "run_dir=x", "seed=1"],
            ["run_dir=r"],
            "fit a.yaml seed=1 run_dir=r",
        ),
        (["fit", "a b.yaml"], ["run_dir=my r"], "fit 'a b.yaml' 'run_dir=my r'"),
        (["predict", "r", "i", "--resume"], ["--resume"], "predict r i --resume"),
        (
            ["fit", "a.yaml", "callbacks.w.api_key=abc"],
            [],
            "fit a.yaml 'callbacks.w.api_key=***'",
        ),
    ],
)
def test_repeated_command_adds_arguments_and_masks_secrets(before, more, after):
    remember(before)
    assert typed_again(*more) == f"keraunos {after}"
