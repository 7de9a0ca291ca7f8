"""Opens a run, a directory of folds or an export as a model that predicts images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import ConfigError, message
from ..core.run_layout import CONFIG_FILE, EXPORT_DESCRIPTION_FILE
from .ensembles import Member, find_members
from .run_directories import where_to_look
from .tensorflow import load_tensorflow

if TYPE_CHECKING:
    import keras

    from ..configs import RunConfig
    from ..export.description import Description
    from ..export.portable.model import Model


@dataclass(frozen=True)
class OpenedModel:
    """A model that predicts images.

    Attributes:
        model: Decodes images and predicts them.
        keras_model: The underlying Keras model, for access to more than its outputs; None
            for ensembles, and for exports in other formats than `.keras`.
        run: The directory of the run; None for an export.
    """

    model: "Model"
    keras_model: "keras.Model | None" = None
    run: Path | None = None


def open_model(path: Path, threads: int | None = None) -> OpenedModel:
    """Opens a run, a directory of folds, or an export.

    Args:
        path: The directory.
        threads: Number of threads for an export; see `open_runtime`.

    Raises:
        ConfigError: The directory is neither a run nor an export, or has no model yet.
        CheckpointError: A file of the model is damaged.
    """
    require_model(path)
    if (path / CONFIG_FILE).is_file():
        return _open_run(path)
    from ..export.open_export import open_export
    from ..export.portable.runtimes import KerasRun

    model = open_export(path, threads)
    return OpenedModel(model, model.run.model if isinstance(model.run, KerasRun) else None)


def require_model(path: Path) -> None:
    """Checks that a path is that of a run or an export, without opening it.

    Raises:
        ConfigError: It is neither.
    """
    names = (CONFIG_FILE, EXPORT_DESCRIPTION_FILE)
    if not any((path / name).is_file() for name in names):
        raise ConfigError(
            message(
                f"A model must be a run directory, with a {CONFIG_FILE}, or that of an "
                f"export, with a {EXPORT_DESCRIPTION_FILE}.",
                where_to_look(path),
                path=str(path),
            )
        )


def _open_run(run: Path) -> OpenedModel:
    members = find_members([run])
    load_tensorflow(on_one_device(members[0].config).trainer)
    import numpy as np

    from ..export.portable.model import Model
    from ..export.portable.runtimes import KerasRun
    from .saved_model import load_model

    models = [load_model(each.run, on_one_device(each.config)) for each in members]
    description = describe(run, members, models)
    runs = [KerasRun(model) for model in models]

    def outputs(inputs: Any) -> Any:
        each: Any = [run(inputs) for run in runs]
        return each[0] if len(each) == 1 else np.mean(each, axis=0, dtype=np.float64)

    model = Model(description.as_json(), outputs)
    return OpenedModel(model, models[0] if len(models) == 1 else None, run)


def require_images_alone(members: Sequence[Member], what: str) -> None:
    """Checks that no model takes table columns in addition to the image.

    Args:
        members: The runs of the models.
        what: The subject of the error message: what supports only images.

    Raises:
        ConfigError: A model takes table columns.
    """
    for member in members:
        if member.config.data.features is not None:
            raise ConfigError(
                message(
                    f"{what} takes models of images only; that of {member.name} also "
                    "takes columns of a table.",
                    "See docs/table-features.md for what takes both.",
                    **{"data.features": member.config.data.features},
                )
            )


def describe(
    run: Path, members: Sequence[Member], models: Sequence[Any], calibrated: bool = False
) -> "Description":
    """Describes the model of a run, or the ensemble of its folds.

    Args:
        run: The run directory.
        members: The run itself, or its folds.
        models: The model of each member.
        calibrated: Whether the graph applies the correction, which must then exist.

    Raises:
        ConfigError: The folds have different classes, or there is no correction.
    """
    from ..data.files.pixel_rules import PixelRules
    from ..evaluation.comparisons.ensemble import require_same_classes
    from ..export.description import Description
    from ..export.evaluated_run import with_evaluation, with_test
    from ..models.table_inputs import columns_of_models
    from .saved_model import load_class_names

    count = models[0].output_shape[-1]
    classes, *others = (load_class_names(member.run, count) for member in members)
    for member, each in zip(members[1:], others, strict=True):
        require_same_classes(classes, each, f"{members[0].name}, {member.name}")
    data = members[0].config.data
    rules = PixelRules.of(data.bit_depth, data.max_megapixels)
    task = members[0].config.task
    description = Description(
        run.resolve().name,
        classes,
        data.image_size,
        rules,
        task=task,
        columns=columns_of_models(models),
        license=members[0].config.evaluation.license,
    )
    if task != "classification":
        return with_test(description, run) if len(members) == 1 else description
    return (
        with_evaluation(description, run, calibrated) if len(members) == 1 else description
    )


def on_one_device(config: "RunConfig") -> "RunConfig":
    """Returns the configuration for one device: those of training may not exist here."""
    from ..configs import TrainerConfig

    limit = config.trainer.gpu_memory_limit_gib
    single = TrainerConfig(strategy="single", gpu_memory_limit_gib=limit)
    return config.model_copy(update={"trainer": single})
