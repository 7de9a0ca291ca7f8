"""Shell completion."""

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
def test_recipes_files_and_settings_are_completed(tmp_path, monkeypatch, incomplete, found):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").touch()
    assert complete_configuration(incomplete) == found


def test_empty_input_completes_recipes_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert complete_configuration("") == complete_recipes("")


def test_completion_request_is_answered_without_running_a_command(
    keraunos, monkeypatch, capsys
):
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
