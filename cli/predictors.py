"""Finds and opens the models to predict with: runs, folds and exports."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import ConfigError, message
from ..core.files import sha256_of_file, sha256_of_json
from ..core.run_layout import CONFIG_FILE, MODEL_FILE
from .ensembles import find_members
from .opened_model import open_model, require_model

if TYPE_CHECKING:
    from ..configs import DataConfig
    from ..export.portable.model import Model
    from ..prediction.predictor import Predictor


@dataclass(frozen=True)
class ModelPlace:
    """The location of a model.

    Attributes:
        path: The directory of a run, a fold or an export.
        data: The settings of the run's images; None for an export.
    """

    path: Path
    data: "DataConfig | None" = None


def find_models(paths: Sequence[Path]) -> list[ModelPlace]:
    """Returns the models to predict with; a directory of folds contributes each fold.

    Raises:
        ConfigError: A model is missing, unfinished, or named twice.
    """
    places = [place for path in paths for place in _models_of(path)]
    count = Counter(os.path.realpath(place.path) for place in places)
    twice = [str(p.path) for p in places if count[os.path.realpath(p.path)] > 1]
    if twice:
        raise ConfigError(
            message("Each member of an ensemble must be named once.", runs=" ".join(twice))
        )
    return places


def columns_of(places: Sequence[ModelPlace]) -> tuple[str, ...]:
    """Returns the table columns that any of the models takes in addition to the image.

    Raises:
        ConfigError: An export is damaged.
    """
    from ..export.open_export import read_columns

    asked = [
        read_columns(place.path) if place.data is None else place.data.features or ()
        for place in places
    ]
    return tuple(dict.fromkeys(name for names in asked for name in names))


def open_predictor(
    places: Sequence[ModelPlace], bit_depth: int | None
) -> "tuple[Predictor, str]":
    """Opens one or more models as one predictor.

    Args:
        places: The location of at least one model.
        bit_depth: Like `data.bit_depth`; None for that of each model.

    Returns:
        The predictor, and the SHA-256 of everything that its predictions depend on.

    Raises:
        ConfigError: The classes of the models differ, or a model is missing.
        CheckpointError: A file of a model is damaged.
    """
    opened = {str(place.path): open_model(place.path) for place in places}
    models = {name: each.model for name, each in opened.items()}
    from ..prediction.predictor import Predictor

    predictor = Predictor(models, bit_depth, columns_of(places))
    parts = zip(places, models.values(), strict=True)
    return predictor, sha256_of_json([_identity(*part) for part in parts])


def _models_of(path: Path) -> list[ModelPlace]:
    require_model(path)
    if not (path / CONFIG_FILE).is_file():
        return [ModelPlace(path)]
    return [ModelPlace(each.run, each.config.data) for each in find_members([path])]


def _identity(place: ModelPlace, model: "Model") -> Any:
    """Returns everything that predictions depend on, which excludes the name of a run."""
    document = {key: each for key, each in model.document.items() if key != "name"}
    is_run = place.data is not None
    return [document, sha256_of_file(place.path / MODEL_FILE) if is_run else None]
