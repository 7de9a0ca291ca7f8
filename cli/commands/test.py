"""`keraunos test`: score the best model of a run, or several runs as an ensemble."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from ...core.errors import ConfigError, message
from ..console import notify
from ..ensembles import (
    Member,
    find_members,
    output_directory,
    read_data,
    require_honest_split,
    task_of,
)
from ..next_command import after_run
from ..shown_test import (
    find_validation_gap,
    show_ensemble_test,
    show_test,
    show_validation_gap,
)
from ..tensorflow import load_tensorflow
from ..untrusted import trusted_evaluation

Split = Literal["test", "validation"]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="Directory of a run, or of its folds.")
]


def test(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run directory; several runs, or the folds of a run, form an ensemble.",
        ),
    ],
    split: Annotated[Split, typer.Option(help="Images to score.")] = "test",
    tta: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="VIEWS",
            help="Test-time augmentation: also average over this many views of each image; "
            "by default evaluation.tta of the run.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder for the files of an ensemble; by default the directory of the "
            "folds, and none for several runs.",
        ),
    ] = None,
) -> None:
    """Score the best model of a run on its test or validation images.

    For several runs, or the directory of a cross-validation, scores the mean of the
    outputs as well as each model.
    """
    members = find_members(runs)
    tta = members[0].config.evaluation.tta if tta is None else tta
    if len(members) == 1:
        _refuse_output(output)
        load_tensorflow(members[0].config.trainer)
        _test_run(members[0], split, tta)
        return
    task_of(members)  # rejects members of several tasks before anything is loaded
    require_honest_split(members, split)
    directory = output_directory(runs, members, split, output)
    load_tensorflow(members[0].config.trainer)
    show_ensemble_test(members, split, tta, directory)


def _refuse_output(output: Path | None) -> None:
    if output is not None:
        raise ConfigError(
            message(
                "`--output` is for ensembles: the files of one run go into its directory.",
                "Leave it out, or name more runs.",
                output=str(output),
            )
        )


def _test_run(member: Member, split: Split, tta: int | None) -> None:
    from ...trainer import Trainer
    from ...trainer.setup.sources import split_of
    from ..run_report import evaluate_run
    from ..saved_model import load_model

    data = read_data(member)
    images = split_of(data, split)
    evaluation, refused = trusted_evaluation(member.config.evaluation, {})
    # Scores of validation images are shown, but never take the place of test.json.
    is_test = split == "test"
    trainer = Trainer(run_dir=member.run if is_test else None)
    model = load_model(member.run, member.config)
    tested = data if is_test else images  # with validation images to choose on
    result = trainer.test(model, tested, evaluation=evaluation, tta=tta)
    show_test(split, result)
    if is_test and result.predictions is not None:
        evaluate_run(member.run, result, refused)
    if is_test:
        show_validation_gap(find_validation_gap(result))
        notify(f"next: {after_run(member.run)}")
