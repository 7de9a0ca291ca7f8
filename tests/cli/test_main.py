import pytest
from keraunos.cli import main as cli_main
from keraunos.core import errors


@pytest.mark.parametrize(
    ("raised", "code", "words"),
    [
        (errors.ConfigError("no such thing"), 2, "error: no such thing"),
        (errors.DataError("a bad [image]"), 3, "error: a bad [image]"),
        (errors.CheckpointError("no checkpoint"), 4, "error: no checkpoint"),
        (errors.DivergedError("not finite"), 5, "error: not finite"),
        (errors.SearchError("all failed"), 8, "error: all failed"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_each_kind_of_error_has_its_exit_code(keraunos, monkeypatch, raised, code, words):
    def fail():
        raise raised

    (command,) = [
        each for each in cli_main.app.registered_commands if each.name == "recipes"
    ]
    monkeypatch.setattr(command, "callback", fail)
    answer = keraunos("recipes")
    assert (answer.code, answer.out, answer.err) == (code, "", f"{words}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["fit", "--nonsense"],
        ["config", "--nonsense"],
        ["test", "--split", "x"],
    ],
)
def test_invalid_command_line_exits_with_code_2(keraunos, arguments):
    answer = keraunos(*arguments)
    assert answer.code == 2
    assert "Usage:" in answer.err
    assert "Traceback" not in answer.err


def test_error_in_user_code_exits_with_code_1_and_names_the_file(
    keraunos, small, unchanged
):
    answer = keraunos("fit", *small, "model.builder=own:fail")
    assert answer.code == 1
    assert "own.py" in answer.err
    assert "the user's own mistake" in answer.err
    assert unchanged()


def test_non_finite_loss_exits_with_code_5(keraunos, small, tmp_path):
    (tmp_path / "own.py").open("a").write(
        "\ndef diverge():\n"
        "    return build_model(optimizer=keras.optimizers.SGD(float('inf')))\n"
    )
    answer = keraunos("fit", *small, "model.builder=own:diverge")
    assert answer.code == 5
    assert answer.err.count("error:") == 1
    assert "Traceback" not in answer.err
