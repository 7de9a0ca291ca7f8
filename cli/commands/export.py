"""`keraunos export`: a run's best model as others use it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.errors import ConfigError, message
from ...core.files import own_directory
from ...core.run_layout import EXPORT_FOLDER, MODEL_FILE
from ..console import notify
from ..ensembles import Member, find_members
from ..opened_model import describe, on_one_device
from ..output_file import require_writable, writing
from ..tensorflow import load_tensorflow
from .test import RunArgument

if TYPE_CHECKING:
    from ...configs import RunConfig
    from ...data import ImageData

IMAGES_COMPARED = 64


def export(
    run: RunArgument,
    calibrated: Annotated[
        bool,
        typer.Option(
            "--calibrated", help="Let the model correct its probabilities itself."
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.keras", help="Where to; by default below the run, in export."
        ),
    ] = None,
) -> None:
    """Write a copy of a run's best model, with a description of it beside it.

    Of a directory of folds, one model that returns the mean of theirs.
    """
    members = find_members([run])
    config = members[0].config
    _require_ending(output)
    if output is not None:
        require_writable(output)
    if len(members) > 1:
        _export_ensemble(run, members, calibrated, output)
        return
    load_tensorflow(config.trainer)
    from ...export.keras_file import export_as_it_is, export_calibrated
    from ..saved_model import load_model

    model: Any = load_model(run, on_one_device(config))
    description = describe(run, members, [model], calibrated)
    with writing(output or _default_place(run, calibrated)) as place:
        if calibrated:
            images = _images(run, config)
            difference = export_calibrated(model, images, place, description)
            notify(
                f"compared on {len(images)} images: probabilities differ by at most "
                f"{difference:.1e} from the corrected ones"
            )
        else:
            export_as_it_is(run / MODEL_FILE, place, description)
    notify(f"written: {place}")


def _export_ensemble(
    run: Path, members: Sequence[Member], calibrated: bool, output: Path | None
) -> None:
    if calibrated:
        raise ConfigError(
            message(
                "An ensemble of folds has no correction: the validation images of one fold "
                "are training images of the others, and nothing can be fitted on them.",
                "Export it without --calibrated, or a single fold with it.",
                run=str(run),
            )
        )
    config = members[0].config
    load_tensorflow(config.trainer)
    from ...export.ensemble import export_ensemble
    from ..saved_model import load_model

    models: list[Any] = [load_model(m.run, on_one_device(m.config)) for m in members]
    description = describe(run, members, models)
    images = _images(members[0].run, config)
    with writing(output or _default_place(run, calibrated)) as place:
        difference = export_ensemble(models, images, place, description)
    notify(
        f"compared on {len(images)} images: probabilities differ by at most "
        f"{difference:.1e} from the mean of {len(models)} models"
    )
    notify(f"written: {place}")


def _require_ending(output: Path | None) -> None:
    if output is not None and output.suffix != ".keras":
        raise ConfigError(message("`--output` must end with .keras.", output=str(output)))


def _default_place(run: Path, calibrated: bool) -> Path:
    """A folder for each kind, as each has a description."""
    folder = run.resolve() / EXPORT_FOLDER
    own_directory(folder)
    return (
        own_directory(folder / ("keras-calibrated" if calibrated else "keras")) / MODEL_FILE
    )


def _images(run: Path, config: "RunConfig") -> Any:
    """Some images of the validation split, or of the test split."""
    import numpy as np

    from ..build import build_data
    from ..untrusted import with_own_cache

    data: ImageData = build_data(with_own_cache(config, run))
    split = data.validation if data.validation is not None else data.test
    if split is None or not split.num_examples:
        raise ConfigError(
            message(
                "What is exported is compared on images of the validation or test split; "
                "the run has neither.",
                run=str(run),
            )
        )
    count = min(split.num_examples, IMAGES_COMPARED)
    return split.images(np.linspace(0, split.num_examples - 1, count).astype(np.int64))
