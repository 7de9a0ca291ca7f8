from keraunos.core import errors


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
