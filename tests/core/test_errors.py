import pickle

import pytest
from keraunos.core import errors
from keraunos.core.suggestion import Suggestion

SUGGESTION = Suggestion("Try", {"data.on_leak": "drop", "trainer.devices": 1}, ".")


def test_message_says_what_was_expected_what_came_and_what_to_do():
    text = errors.message("`a` must be 1.", "Try a=1.", a=2, b="x")
    assert text == "`a` must be 1. Received: a=2, b='x'. Try a=1."


def test_every_kind_has_the_exit_code_of_the_design_and_a_builtin_base():
    kinds = {
        errors.ConfigError: (2, ValueError),
        errors.DataError: (3, ValueError),
        errors.CheckpointError: (4, RuntimeError),
        errors.DivergedError: (5, ArithmeticError),
        errors.OutOfMemoryError: (7, MemoryError),
    }
    for kind, (code, base) in kinds.items():
        assert kind.exit_code == code
        assert issubclass(kind, errors.KeraunosError)
        assert issubclass(kind, base)


def test_the_outermost_call_decides_how_suggested_settings_are_written():
    for is_python, words in (
        (True, 'Try on_leak="drop", Trainer(devices=1).'),
        (False, "Try data.on_leak=drop trainer.devices=1."),
    ):
        with (
            pytest.raises(errors.DataError) as caught,
            errors.suggesting_arguments(is_python),
            errors.suggesting_arguments(not is_python),
        ):
            raise errors.DataError("Bad.", SUGGESTION)
        assert str(caught.value) == f"Bad. {words}"
        again = pickle.loads(pickle.dumps(caught.value))  # between worker processes
        assert str(again) == str(caught.value)
        assert again.suggestion == SUGGESTION


def test_a_suggestion_below_a_list_has_a_line_of_its_own():
    assert str(errors.DataError("a:\n  b", SUGGESTION)).splitlines()[2] == (
        "Try data.on_leak=drop trainer.devices=1."
    )
