import pytest
from keraunos.core.console import use_format
from keraunos.core.progress import track


def passed(total: int, seconds_each: float) -> list[int]:
    """Tracks items that take that long each, by a simulated clock."""
    now = [0.0]

    def items():
        for number in range(total):
            now[0] += seconds_each
            yield number

    return list(track(items(), "Counting sheep", total, clock=lambda: now[0]))


def test_long_work_reports_progress_periodically_without_a_terminal(capsys):
    assert passed(1200, seconds_each=0.1) == list(range(1200))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[0] == "Counting sheep: 101 of 1,200"
    assert len(set(lines)) == len(lines)


def test_short_work_reports_no_progress(capsys):
    assert passed(90, seconds_each=0.1) == list(range(90))
    assert capsys.readouterr().err == ""


def test_progress_is_a_message_in_json_logs(capsys):
    use_format("json")
    try:
        passed(2, seconds_each=11)
    finally:
        use_format("text")
    assert (
        capsys.readouterr().err.splitlines()[0] == '{"message": "Counting sheep: 1 of 2"}'
    )


def test_errors_of_the_tracked_items_propagate(capsys):
    with pytest.raises(ZeroDivisionError):
        list(track((1 // (2 - n) for n in range(4)), "Dividing", 4))
