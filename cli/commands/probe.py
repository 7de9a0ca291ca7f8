"""`keraunos probe`: compare backbones on your images."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.errors import ConfigError, KeraunosError, message
from ...core.files import write_csv, write_json_atomic
from ..console import notify, show, show_table
from ..output_file import require_table, writing
from ..probe_request import ProbeRequest, read_request
from ..tensorflow import load_tensorflow

if TYPE_CHECKING:
    from ..probed_heads import Cell
    from ..probed_images import ProbedImages

COLUMNS = (
    "backbone", "head", "balanced_accuracy", "low", "high", "standard_error", "accuracy",
    "macro_roc_auc", "seconds", "features", "parameters", "problem",
)  # fmt: skip


def probe(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[CONFIG...] KEY=VALUE...",
            help="data.train=FOLDER, the images; backbones=[NAME,...], the networks to "
            "compare; heads=[NAME,...], the heads to fit on each (by default linear, ridge "
            "and knn); and any setting of `keraunos fit`.",
            show_default=False,
        ),
    ],
    output: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Write the table as .json or .csv; repeatable."),
    ] = None,
) -> None:
    """Compare backbones by fitting simple heads on their features.

    The features of each backbone are computed once and shared with later runs. Nothing
    else is written.
    """
    outputs = output or []
    for each in outputs:
        require_table(each)
    request = read_request(arguments)
    load_tensorflow(request.config.trainer)
    from ..probed_images import read_probed_images

    images = read_probed_images(request.config)
    for line in images.data.describe():
        notify(f"data: {line}")
    for line in _seen_images(request, images):
        notify(line)
    cells, problems = _probe(request, images)
    summary = _summary(cells, images)
    rows = [*map(_row, cells), *_rows_of_problems(problems)]
    for each in outputs:
        _write(each, rows, summary)
    _show(rows, summary)
    if not cells:
        raise ConfigError(
            message("No backbone could be probed: see the table.", backbones=[*problems])
        )


def _seen_images(request: ProbeRequest, images: "ProbedImages") -> list[str]:
    """Returns lines on validation images that the run in `model.weights` trained on."""
    from ...trainer.guards.seen_images import refuse_seen_images

    weights = {"model.weights": request.config.model.weights}
    return refuse_seen_images(weights, images.data, all_folds=len(images.folds) > 1)


def _probe(
    request: ProbeRequest, images: "ProbedImages"
) -> tuple[list["Cell"], dict[str, str]]:
    """Returns the cells of all backbones, best first, and the errors of failed ones."""
    from ..probed_backbones import probe_backbone, strategy_of
    from ..probed_heads import probe_head

    strategy = strategy_of(request.config)
    cells, problems = [], {}
    for name, config in request.configs.items():
        try:
            backbone = probe_backbone(config, images, strategy)
        except KeraunosError as error:  # the others may work
            problems[name] = str(error)
            notify(f"{name}: {error}")
            continue
        notify(f"{name}: {backbone.computed} images in {backbone.seconds:.1f} s")
        cells += [
            probe_head((name, head), backbone, images, config) for head in request.heads
        ]
    return sorted(cells, key=lambda cell: -_main_score(cell)), problems


def _main_score(cell: "Cell") -> float:
    return cell.scores["balanced_accuracy"] or 0.0


def _summary(cells: "Sequence[Cell]", images: "ProbedImages") -> dict[str, Any]:
    """Returns facts about the table as a whole."""
    from ..probed_heads import optimism

    first = images.folds[0]
    return {
        "folds": len(images.folds),
        "training_images": len(first.train),
        "validation_images": sum(len(fold.validation) for fold in images.folds),
        "classes": images.data.num_classes,
        "compared": len(cells),
        "optimism_of_best": optimism(cells, images) if len(cells) > 1 else 0.0,
    }


def _row(cell: "Cell") -> dict[str, Any]:
    low, high = cell.interval or (None, None)
    values = (
        cell.backbone, cell.head, cell.scores["balanced_accuracy"], low, high,
        cell.standard_error, cell.scores["accuracy"], cell.scores["macro_roc_auc"],
        cell.seconds, cell.features, cell.parameters, None,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _rows_of_problems(problems: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for name, problem in problems.items():
        yield dict.fromkeys(COLUMNS) | {"backbone": name, "problem": problem}


def _write(
    output: Path, rows: Sequence[dict[str, Any]], summary: Mapping[str, Any]
) -> None:
    with writing(output) as place:
        if output.suffix == ".json":
            write_json_atomic(place, {**summary, "rows": list(rows)})
        else:
            write_csv(place, list(COLUMNS), [list(row.values()) for row in rows])


def _show(rows: Sequence[dict[str, Any]], summary: Mapping[str, Any]) -> None:
    from rich.table import Column, Table

    table = Table(  # two numbers in a cell: it fits on any screen
        Column("backbone", overflow="fold"),
        "head",
        "balanced accuracy",
        Column("accuracy\nmacro AUC", justify="right"),
        Column("s", justify="right"),
        Column("features\nparameters", justify="right"),
        show_lines=True,
    )
    for row in rows:
        table.add_row(*(_cells(row) if row["head"] else _cells_of_problem(row)))
    show_table(table)
    for line in _words(summary):
        show(line)


def _cells(row: Mapping[str, Any]) -> list[str]:
    spread = f"± {row['standard_error'] or 0:.3f}"
    if row["low"] is not None:
        spread = f"[{row['low']:.3f}, {row['high']:.3f}]"
    area = row["macro_roc_auc"]
    return [
        row["backbone"],
        row["head"],
        f"{row['balanced_accuracy']:.3f}\n{spread}",
        f"{row['accuracy']:.3f}\n" + ("-" if area is None else f"{area:.3f}"),
        f"{row['seconds']:.1f}",
        f"{row['features']:,}\n{row['parameters'] / 1e6:.1f} M",
    ]


def _cells_of_problem(row: Mapping[str, Any]) -> list[str]:
    return [row["backbone"], "-", row["problem"].splitlines()[0], "-", "-", "-"]


def _words(summary: Mapping[str, Any]) -> Iterator[str]:
    images = f"{summary['validation_images']:,} validation images"
    if summary["folds"] > 1:
        yield (
            f"Mean ± standard error over {summary['folds']} folds, {images} in all. The "
            "folds share most of their training images, so the error is a little too small."
        )
    else:
        yield f"{images}, {summary['training_images']:,} to fit on; 95% intervals."
    if summary["compared"] > 1:
        yield (
            f"The best of {summary['compared']} on the same images looks better than it "
            f"is, by about {summary['optimism_of_best']:.3f}: measure it on other images "
            "(data.test)."
        )
