import pickle

import pytest
from keraunos.core import errors
from keraunos.core.suggestion import Suggestion

SUGGESTION = Suggestion("Try", {"data.on_leak": "drop", "trainer.devices": 1}, ".")


def test_message_states_expectation_received_values_and_remedy():
    text = errors.message("`a` must be 1.", "Try a=1.", a=2, b="x")
    assert text == "`a` must be 1. Received: a=2, b='x'. Try a=1."


def test_each_error_has_its_exit_code_and_a_builtin_base():
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


def test_outermost_call_determines_the_style_of_suggestions():
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
        assert again.suggestions == (SUGGESTION,)


def test_suggestion_after_a_list_starts_a_new_line():
    assert str(errors.DataError("a:\n  b", SUGGESTION)).splitlines()[2] == (
        "Try data.on_leak=drop trainer.devices=1."
    )
