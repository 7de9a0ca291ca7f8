"""`keraunos benchmark`: measure the speed of models side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.errors import ConfigError, message
from ...core.files import write_csv, write_json_atomic
from ...core.machine import processor, usable_cores, versions
from ..benchmarked_models import find_benchmarked, open_subjects
from ..console import notify, show, show_table
from ..output_file import require_table, writing

if TYPE_CHECKING:
    from ...export.benchmark import Row

_PACKAGES = (
    "keraunos", "numpy", "pillow", "tensorflow", "keras", "onnxruntime", "ai-edge-litert",
    "openvino",
)  # fmt: skip
_MOST_IMAGES = 32
_WIDTH, _HEIGHT = 600, 450


def benchmark(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN_OR_EXPORT...",
            help="Run or export directories; a single run includes its exports.",
        ),
    ],
    batch_sizes: Annotated[
        str,
        typer.Option(metavar="N[,N]", help="Batch sizes."),
    ] = "1,8,32",
    seconds: Annotated[
        float,
        typer.Option(min=0.01, help="Seconds to measure each model and batch size."),
    ] = 2.0,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, help="Threads of each runtime; by default the number of cores."
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Images to decode; by default a generated one."
        ),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Write the table as .json or .csv; repeatable."),
    ] = None,
) -> None:
    """Measure latency and throughput of models by batch size.

    Decoding is measured separately. The models take turns, so that a slow phase of the
    machine affects all of them equally.
    """
    outputs = output or []
    for each in outputs:
        require_table(each)
    sizes = _batch_sizes(batch_sizes)
    paths = find_benchmarked(models)
    count = threads or usable_cores()
    contents, described = _contents(images)
    subjects = open_subjects(paths, count)
    from ...data.files.pixel_rules import UndecodableError
    from ...export.benchmark import benchmark as measure

    count_of_cells = len(subjects) * len(sizes)
    notify(f"measuring {count_of_cells} x {seconds:g} seconds")
    try:
        rows = measure(subjects, sizes, contents, seconds)
    except UndecodableError as error:
        raise ConfigError(
            message(
                f"All files of `--images` must be readable images ({error}).",
                images=str(images),
            )
        ) from None
    conditions = {
        "processor": processor(),
        "cores": usable_cores(),
        "threads": count,
        "seconds": seconds,
        "images": described,
        "versions": versions(_PACKAGES),
    }
    for each in outputs:
        _write(each, rows, conditions)
    _show(rows, conditions)


def _batch_sizes(text: str) -> list[int]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and word.isascii() and int(word) for word in words):
        raise ConfigError(
            message(
                "Batch sizes are whole numbers from 1 on.",
                "Try --batch-sizes 1,8,32.",
                batch_sizes=text,
            )
        )
    return [int(word) for word in dict.fromkeys(words)]


def _contents(folder: Path | None) -> tuple[list[bytes], str]:
    """Returns the bytes of image files, and a description of them."""
    if folder is None:
        return [_drawn_image()], f"generated, {_WIDTH} x {_HEIGHT} JPEG"
    from ...data.files.formats import EXTENSIONS

    files = sorted(
        each
        for each in folder.rglob("*")
        if each.suffix.lower() in EXTENSIONS and each.is_file()
    )[:_MOST_IMAGES]
    if not files:
        raise ConfigError(
            message("`--images` must be a folder with image files.", images=str(folder))
        )
    return [each.read_bytes() for each in files], f"{len(files)} files of {folder}"


def _drawn_image() -> bytes:
    """Returns a JPEG with the size of a typical photograph of a skin lesion."""
    import io

    from PIL import Image

    from ...data.synthetic.lesions import KINDS, draw_lesion

    written = io.BytesIO()
    image = Image.fromarray(draw_lesion(next(iter(KINDS)), 0, 0))
    image.resize((_WIDTH, _HEIGHT)).save(written, "JPEG", quality=90)
    return written.getvalue()


def _write(output: Path, rows: "Sequence[Row]", conditions: Mapping[str, Any]) -> None:
    table = [asdict(row) for row in rows]
    with writing(output) as place:
        if output.suffix == ".json":
            write_json_atomic(place, {**conditions, "rows": table})
            return
        flat = {**conditions, "versions": _listed(conditions["versions"])}
        header = [*table[0], *flat]
        write_csv(place, header, [[*row.values(), *flat.values()] for row in table])


def _show(rows: "Sequence[Row]", conditions: Mapping[str, Any]) -> None:
    from rich.table import Column, Table

    table = Table(
        Column("model"),
        "format",
        *(
            Column(name, justify="right")
            for name in ("batch", "p50 ms", "p99 ms", "images/s", "calls", "decode ms")
        ),
    )
    for row in rows:
        table.add_row(
            row.model,
            row.format if row.device == "CPU" else f"{row.format}, {row.device}",
            str(row.batch_size),
            f"{row.p50_ms:.2f}",
            "-" if row.p99_ms is None else f"{row.p99_ms:.2f}",
            f"{row.images_per_second:.1f}",
            f"{row.calls:,}",
            f"{row.decode_ms:.2f}",
        )
    show_table(table)
    show(
        f"{conditions['processor']}, {conditions['threads']} threads on "
        f"{conditions['cores']} cores; {conditions['seconds']:g} s per cell; decoded: "
        f"{conditions['images']}; {_listed(conditions['versions'])}"
    )
    if any(row.p99_ms is None for row in rows):
        show("p99 is left out for fewer than 100 calls: raise --seconds.")


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
