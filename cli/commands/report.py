"""`keraunos report`: evaluate a run on one HTML page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ...configs import typed_values
from ...core.errors import ConfigError, message
from ...core.files import require_plain
from ...core.run_layout import (
    EVALUATION_FILE,
    EXPORT_FOLDER,
    MODEL_FILE,
    REPORT_FILE,
    SEARCH_FILE,
    TENSORBOARD_FOLDER,
    TRIAL,
)
from ..console import notify, show
from ..ensembles import find_members
from ..output_file import require_writable, writing
from ..tensorflow import load_tensorflow
from ..typed_command import typed as typed_command

SECTION = "evaluation."


def report(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN... [KEY=VALUE...]",
            help="Run directories, or the directory of folds or a search, followed by "
            "settings of `evaluation`.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"File to write to; by default {REPORT_FILE} in the run directory.",
        ),
    ] = None,
) -> None:
    """Evaluate runs and write one self-contained HTML page.

    Tests each model again, and writes its model card and all measurements into the run.
    """
    named, settings = _split(runs)
    directories = [run for each in named for run in _trials_of(each) or [each]]
    members = find_members(directories, settings)
    for directory in named:  # of folds and searches, too: their page is written there
        require_plain(directory)
    place = _place(named, output)
    for member in members:
        require_plain(member.run, TENSORBOARD_FOLDER)
        require_writable(member.run / EVALUATION_FILE, "RUN")
    load_tensorflow(members[0].config.trainer)
    from ...report.write_report import write_page
    from ..run_report import report_run

    typed = typed_values(settings).get("evaluation", {})
    reports = [report_run(member, typed) for member in members]
    with writing(place) as file:
        write_page(file, reports)
    for each in reports:
        for line in [*each.remarks, *each.all_warnings]:
            notify(f"{each.facts.name}: {line}" if len(reports) > 1 else line)
    show(f"written: {place}")
    if len(named) == 1 and not (named[0] / EXPORT_FOLDER).exists():
        notify(f"next: {typed_command('export', named[0])}")


def _split(arguments: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Separates runs from settings; a directory may have an equals sign in its name."""
    settings = [each for each in arguments if "=" in each and not Path(each).is_dir()]
    wrong = [each for each in settings if not each.startswith(SECTION)]
    if wrong:
        raise ConfigError(
            message(
                "A report takes only other settings of `evaluation`: the trained model is "
                "fixed.",
                f"Leave {wrong[0].partition('=')[0]} out.",
                arguments=" ".join(wrong),
            )
        )
    named = [Path(each) for each in arguments if each not in settings]
    if not named:
        raise ConfigError(message("Name at least one run.", "Look below `runs`.", runs=[]))
    return named, settings


def _trials_of(directory: Path) -> list[Path]:
    """Returns the trials of a search whose models were kept; nothing for other paths."""
    if not (directory / SEARCH_FILE).is_file():
        return []
    trials = [each for each in directory.iterdir() if TRIAL.fullmatch(each.name)]
    kept = sorted(each for each in trials if (each / MODEL_FILE).is_file())
    if not kept:
        raise ConfigError(
            message(
                f"A search must have kept the model of a trial as its {MODEL_FILE}.",
                "Finish the search with search.keep=1 or more.",
                run=str(directory),
            )
        )
    return kept


def _place(named: Sequence[Path], output: Path | None) -> Path:
    """Returns the path of the page, by default in the directory of the run."""
    if output is None and len(named) > 1:
        raise ConfigError(
            message(
                "The page of several runs belongs to none of them.",
                "Choose its place with --output FILE.",
                runs=" ".join(map(str, named)),
            )
        )
    place = named[0] / REPORT_FILE if output is None else output
    require_writable(place, "RUN" if output is None else "--output")
    return place
