"""Code named by a run directory from someone else is never executed."""

import shutil
import sys

import pytest
import yaml


@pytest.fixture
def sent_run(small_run, tmp_path, monkeypatch):
    """A copy of a finished run, and code that its configuration could name."""
    shutil.copytree(small_run, tmp_path / "run")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "trap", raising=False)
    (tmp_path / "trap.py").write_text(
        "import pathlib\npathlib.Path('sprung').touch()\nclass Trap: ...\n"
    )
    return tmp_path / "run"


def rewrite(run, section, value):
    config = yaml.safe_load((run / "config.yaml").read_text())
    config[section] = value
    (run / "config.yaml").write_text(yaml.safe_dump(config))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("callbacks", {"trap": {"class": "trap:Trap"}}),
        ("model", {"builder": "trap:Trap"}),
        ("model", {"backbone": "trap:Trap"}),
    ],
)
@pytest.mark.parametrize("command", ["test", "predict"])
def test_code_named_by_a_run_is_not_imported(
    keraunos, sent_run, lesions, tmp_path, section, value, command
):
    rewrite(sent_run, section, value)
    arguments = [lesions / "test"] if command == "predict" else []
    answer = keraunos(command, sent_run, *arguments)
    assert answer.code == 0, answer.err
    assert not (tmp_path / "sprung").exists()


def test_code_is_imported_when_the_user_passes_the_configuration(
    keraunos, sent_run, tmp_path
):
    rewrite(sent_run, "callbacks", {"trap": {"class": "trap:Trap"}})
    keraunos("fit", sent_run / "config.yaml", "--dry-run")
    assert (tmp_path / "sprung").exists()
