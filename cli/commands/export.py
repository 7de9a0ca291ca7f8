"""`keraunos export`: write a run's best model in other formats, and verify it."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.errors import ConfigError, DataError, KeraunosError, message
from ...core.files import own_directory
from ...core.names import some
from ...core.run_layout import EXPORT_FOLDER, SPLIT_FILE
from ..console import notify
from ..ensembles import Member, find_members, read_data
from ..opened_model import describe, on_one_device, require_images_alone
from ..output_file import writing
from ..tensorflow import load_tensorflow
from ..typed_command import typed

if TYPE_CHECKING:
    from ...data import ImageData
    from ...export.compared_images import ComparedImages
    from ...export.export_model import Exporter, ExportResult
    from ...export.formats.contract import Format

    Write = Callable[[Format, Path], None]

_SHOWN = 5


def export(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Run directory; several runs, or the folds of a run, become one model.",
        ),
    ],
    format: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="NAME[,NAME]",
            help="saved_model, onnx, litert, openvino or keras; keras by default.",
        ),
    ] = None,
    calibrated: Annotated[
        bool,
        typer.Option("--calibrated", help="Include the calibration of the probabilities."),
    ] = False,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="Quantize to 8-bit integers (onnx, litert and openvino). Kept only if "
            "balanced accuracy drops by at most --max-loss.",
        ),
    ] = False,
    max_loss: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            metavar="LOSS",
            help="Maximum drop of balanced accuracy with --int8; 0.02 by default.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "--out",
            metavar="DIR",
            help="Parent of the format directories; by default `export` in the run "
            "directory.",
        ),
    ] = None,
) -> None:
    """Export the best model of a run for use without Keraunos.

    Each export is a self-contained directory. It is verified in its own runtime on test or
    validation images of the run, and kept only if its outputs match those of the model.
    Several runs, or a directory of folds, become one model that outputs their mean.
    """
    members = find_members(runs)
    _require_single_run_to_calibrate(members, calibrated)
    names = _format_names(format)
    from ...export.evaluated_run import require_classification

    task = members[0].config.task
    require_classification(task, calibrated=calibrated, int8=int8)
    if int8:
        require_images_alone(members, "An int8 export")
    if int8 or max_loss is not None:
        _require_int8(names, int8, max_loss)
    places = _places(names, _directory(runs, output), calibrated, int8)
    load_tensorflow(on_one_device(members[0].config).trainer)
    from ...export.formats.registry import format_of

    formats = [format_of(name) for name in names]
    data = read_data(members[0])
    exporter = _exporter(runs, members, calibrated, data)
    write = _int8_writer(exporter, data, max_loss) if int8 else _writer(exporter)
    failed = {
        each.name: error
        for each, place in zip(formats, places, strict=True)
        if (error := _try_to_write(write, each, place)) is not None
    }
    if failed:
        raise _failure(failed, len(formats))
    notify(f"next: {typed('serve', runs[0] if output is None else places[0])}")


def _format_names(asked: Sequence[str] | None) -> list[str]:
    from ...export.formats.registry import require_format

    names = [name.strip() for each in asked or ["keras"] for name in each.split(",")]
    for name in names:
        require_format(name)
    return list(dict.fromkeys(names))


def _require_int8(names: Sequence[str], int8: bool, max_loss: float | None) -> None:
    from ...export.quantization.quantizers import require_quantizer

    if not int8:
        raise ConfigError(
            message("`--max-loss` is for int8.", "Add --int8.", max_loss=max_loss)
        )
    for name in names:
        require_quantizer(name)


def _places(names: Sequence[str], folder: Path, calibrated: bool, int8: bool) -> list[Path]:
    """Returns the directory of each format; rejects occupied ones before any work."""
    from ...export.place import export_name, require_own_place

    with writing(folder) as directory:
        _require_writable(directory)
        places = [directory / export_name(name, calibrated, int8) for name in names]
        for place in places:
            require_own_place(place)
    return places


def _require_writable(directory: Path) -> None:
    """Checks that a directory can be written, without creating it: the export may fail."""
    there = next(each for each in (directory, *directory.parents) if each.exists())
    with tempfile.TemporaryFile(dir=there):
        pass


def _directory(runs: Sequence[Path], output: Path | None) -> Path:
    if output is not None:
        return output
    if len(runs) > 1:
        raise ConfigError(
            message(
                "The export of several runs belongs to none of them.",
                "Choose its place with --output DIR.",
                runs=" ".join(map(str, runs)),
            )
        )
    folder = runs[0].resolve() / EXPORT_FOLDER
    return own_directory(folder) if os.path.lexists(folder) else folder


def _require_single_run_to_calibrate(members: Sequence[Member], calibrated: bool) -> None:
    if calibrated and len(members) > 1:
        raise ConfigError(
            message(
                "An ensemble of folds has no correction: the validation images of one fold "
                "are training images of the others, so no correction can be fitted.",
                "Export it without --calibrated, or a single fold with it.",
                runs=" ".join(each.name for each in members),
            )
        )


def _exporter(
    runs: Sequence[Path], members: Sequence[Member], calibrated: bool, data: "ImageData"
) -> "Exporter":
    from ...export.export_model import Exporter
    from ..saved_model import load_model

    models: list[Any] = [load_model(m.run, on_one_device(m.config)) for m in members]
    description = describe(runs[0], members, models, calibrated)
    if len(runs) > 1:
        description = replace(description, name=" + ".join(m.name for m in members))
    return Exporter(models, description, _images(members[0], data))


def _images(member: Member, data: "ImageData") -> "ComparedImages":
    """Returns images to compare outputs on; those of the run must be unchanged."""
    from ...export.compared_images import choose_images
    from ...report.image_changes import find_changes

    images = choose_images(data)
    table = member.run / SPLIT_FILE
    if table.is_file():
        changes = find_changes(table, images.split, images.split_name)
        missed = [*changes.gone, *changes.changed]
        if missed:
            raise DataError(
                message(
                    f"The {images.split_name} images of the run must be unchanged, but "
                    f"{len(changes.gone):,} are missing and {len(changes.changed):,} "
                    "changed.",
                    "Restore them, or use `Trainer.export`, which compares on images of "
                    "your choice.",
                    images=some(missed, _SHOWN),
                )
            )
    return images


def _try_to_write(write: "Write", format: "Format", place: Path) -> KeraunosError | None:
    """Writes one format; returns its error, so that the others are still written."""
    try:
        with writing(place) as directory:
            write(format, directory)
    except KeraunosError as error:
        return error
    return None


def _writer(exporter: "Exporter") -> "Write":
    return lambda format, directory: _show(exporter.write(format, directory))


def _int8_writer(
    exporter: "Exporter", data: "ImageData", max_loss: float | None
) -> "Write":
    from ...export.quantization.calibration_images import choose_calibration_images
    from ...export.quantization.int8_export import export_int8
    from ...export.quantization.judgement import MAX_LOSS

    calibration = choose_calibration_images(data.train)
    limit = MAX_LOSS if max_loss is None else max_loss

    def write(format: "Format", directory: Path) -> None:
        result = export_int8(exporter, format, directory, calibration, limit)
        _show_int8(directory.name, result.int8 or {})
        _show(result)

    return write


def _show_int8(name: str, measured: Mapping[str, Any]) -> None:
    for warning in measured["warnings"]:
        notify(f"{name}: {warning}")
    scores = measured["scores"]["balanced_accuracy"]
    low, high = scores["loss"]["interval"]
    sizes, times = measured["bytes"], measured["latency"]["p50_ms"]
    notify(
        f"{name}: balanced accuracy {scores['float32']['value']:.3f}, in int8 "
        f"{scores['int8']['value']:.3f}: loss {scores['loss']['value']:+z.3f} "
        f"[{low:+z.3f}, {high:+z.3f}] on {measured['images']:,} {measured['split']} images"
    )
    notify(
        f"{name}: {sizes['float32'] / 1e6:.1f} MB, in int8 {sizes['int8'] / 1e6:.1f} MB; "
        f"an image in {times['float32']:.1f} ms, in int8 {times['int8']:.1f} ms"
    )


def _show(result: "ExportResult") -> None:
    parity, name = result.parity, result.directory.name
    for warning in parity.warnings:
        notify(f"{name}: {warning}")
    notify(
        f"{name}: compared on {parity.images} {parity.split} images: probabilities differ "
        f"by at most {parity.largest_difference:.1e}, and {parity.agreement:.1%} of the "
        "classes agree"
    )
    notify(f"written: {result.directory}")


def _failure(failed: dict[str, KeraunosError], count: int) -> KeraunosError:
    first, *_ = failed.values()
    if count == 1:
        return first
    reasons = "; ".join(f"{name}: {error}" for name, error in failed.items())
    return type(first)(f"{len(failed)} of {count} formats were not exported. {reasons}")
