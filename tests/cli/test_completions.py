"""What a shell completes."""

import pytest
from keraunos.cli.completions import complete_configuration, complete_recipes


@pytest.mark.parametrize(
    ("incomplete", "found"),
    [
        ("clas", ["classify"]),
        ("mi", ["mine.yaml"]),
        ("trainer.max_ep", ["trainer.max_epochs=", "trainer.max_epochs=10"]),
        ("model.dropout=0.5", []),
        ("nothing", []),
    ],
)
def test_recipes_files_and_settings(tmp_path, monkeypatch, incomplete, found):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").touch()
    assert complete_configuration(incomplete) == found


def test_nothing_typed_lists_no_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert complete_configuration("") == complete_recipes("")


def test_a_shell_is_answered_before_a_command_runs(keraunos, monkeypatch, capsys):
    for name, value in {
        "_KERAUNOS_COMPLETE": "complete_bash",
        "COMP_WORDS": "keraunos fit cla",
        "COMP_CWORD": "2",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["keraunos"])
    with pytest.raises(SystemExit) as left:
        keraunos()
    assert left.value.code == 0
    assert capsys.readouterr().out == "classify\n"
