"""Runs the self-test for `keraunos doctor`."""

from pathlib import Path

from ..core.counted import counted
from ..core.errors import ConfigError, message
from ..core.files import write_json_atomic
from .console import notify, show, show_table
from .output_file import require_writable, writing

FILE = Path("keraunos-selftest.json")


def run_selftest(minutes: float, output: Path | None) -> None:
    """Runs the self-test, prints its tables, and writes its JSON.

    Args:
        minutes: Time limit for all checks.
        output: The JSON file; by default a new file in the current folder.

    Raises:
        ConfigError: `output` exists, or can't be written.
        SelfTestError: A promise does not hold.
    """
    _require_new(output or FILE, is_asked_for=output is not None)
    from ..self_test.selftest import selftest
    from ..self_test.tables import check_table, describe_machine, promise_table

    notify(f"The self-test takes at most {minutes:g} minutes.")
    report = selftest(minutes)
    with writing(free_name(output or FILE)) as place:
        write_json_atomic(place, report.to_json())
    show(describe_machine(report))
    show_table(check_table(report))
    show_table(promise_table(report))
    if report.without_time:
        count = report.without_time
        show(
            f"{counted(count, 'check')} did not fit into the time limit: try "
            f"--minutes {2 * minutes:g}"
        )
    show(f"{place.name} can be attached to an issue: see docs/hardware.md")
    report.require_passed()


def _require_new(output: Path, is_asked_for: bool) -> None:
    """Checks in advance that the output can be written, and is new if it was named."""
    require_writable(output, "--output")
    if is_asked_for and output.exists():
        raise ConfigError(
            message(
                "`--output` must be a new file.",
                "Choose another name, or leave it out.",
                output=str(output),
            )
        )


def free_name(path: Path) -> Path:
    """Returns the path, with a number appended if the file exists.

    Example:
        >>> free_name(Path("surely-not-there.json")).name
        'surely-not-there.json'
    """
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free
