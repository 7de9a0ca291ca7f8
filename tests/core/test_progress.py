import pytest
from keraunos.core.console import use_format
from keraunos.core.progress import track


def passed(total: int, seconds_each: float) -> list[int]:
    """Goes through items that take that long, by its own clock."""
    now = [0.0]

    def items():
        for number in range(total):
            now[0] += seconds_each
            yield number

    return list(track(items(), "Counting sheep", total, clock=lambda: now[0]))


def test_without_a_terminal_long_work_says_now_and_then_how_far_it_is(capsys):
    assert passed(1200, seconds_each=0.1) == list(range(1200))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[0] == "Counting sheep: 101 of 1,200"
    assert len(set(lines)) == len(lines)


def test_short_work_says_nothing(capsys):
    assert passed(90, seconds_each=0.1) == list(range(90))
    assert capsys.readouterr().err == ""


def test_in_logs_of_json_it_is_a_message(capsys):
    use_format("json")
    try:
        passed(2, seconds_each=11)
    finally:
        use_format("text")
    assert (
        capsys.readouterr().err.splitlines()[0] == '{"message": "Counting sheep: 1 of 2"}'
    )


def test_what_fails_fails(capsys):
    with pytest.raises(ZeroDivisionError):
        list(track((1 // (2 - n) for n in range(4)), "Dividing", 4))
