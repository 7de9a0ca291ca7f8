"""Ignores settings in the files of a run that could do harm: it may come from a stranger.

Settings that the user types are trusted. Settings that only `config.yaml` of the run
contains are used if they are harmless: to read images, and for callbacks of Keraunos that
write below the run. Nothing that imports code, runs a command, or writes or sends anything
elsewhere is taken from the file.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..configs import CALLBACKS, EvaluationConfig, RunConfig, callback_class
from ..configs.backbone import is_address, is_function
from ..configs.evaluation import as_evaluation
from ..configs.watching_callbacks import reaches_outside
from ..core.cache_folder import is_cache
from ..core.console import notify
from ..core.user_path import user_path

# Callbacks of Keras that open neither files nor connections.
_SAFE_KERAS_CALLBACKS = {
    "EarlyStopping",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TerminateOnNaN",
}


def foreign_names(config: RunConfig) -> dict[str, str]:
    """Returns foreign code and external addresses in a configuration, by setting."""
    builder, backbone = config.model.builder, config.model.backbone
    found = {} if builder is None else {"model.builder": builder}
    if builder is None and (is_function(backbone) or is_address(backbone)):
        found["model.backbone"] = backbone
    for label, options in config.callbacks.items():
        name, arguments = callback_class(label, options or {})
        is_safe = name in CALLBACKS or name in _SAFE_KERAS_CALLBACKS
        if options is not None and (not is_safe or reaches_outside(name, arguments)):
            found[f"callbacks.{label}"] = name
    return found


def only_in_files(config: RunConfig, typed: Mapping[str, Any], run: Path) -> dict[str, str]:
    """Returns the risky settings that the user has not typed with all their options.

    These are foreign code, external addresses, and folders outside the run.

    Args:
        config: The configuration of the run, including typed settings.
        typed: Only the typed settings, as nested values.
        run: The run directory.

    Returns:
        The values by setting.
    """
    callbacks = typed.get("callbacks") or {}
    models = typed.get("model") or {}
    found = {}
    for setting, name in foreign_names(config).items():
        label = setting.partition(".")[2]
        if setting == "model.builder":
            wanted = {"builder": config.model.builder, "arguments": config.model.arguments}
            is_typed = {"arguments": {}} | models == wanted
        elif setting == "model.backbone":
            is_typed = models.get("backbone") == name
        else:
            is_typed = callbacks.get(label) == config.callbacks[label]
        if not is_typed:
            found[setting] = name
    cache = config.cache_dir
    if cache is not None and typed.get("cache_dir") != cache and is_elsewhere(cache, run):
        found["cache_dir"] = cache
    return found


def with_own_cache(config: RunConfig, run: Path) -> RunConfig:
    """Returns the configuration of a run, without a cache folder that is not trusted.

    Args:
        config: The content of `config.yaml`.
        run: The run directory.
    """
    if config.cache_dir is None or not is_elsewhere(config.cache_dir, run):
        return config
    notify(f"cache: using your own, because {config.cache_dir} of the run is not a cache")
    return config.model_copy(update={"cache_dir": None})


def trusted_evaluation(
    config: EvaluationConfig, typed: Mapping[str, Any]
) -> tuple[EvaluationConfig, dict[str, str]]:
    """Removes parts of an evaluation that only the run's own files name.

    Args:
        config: The section `evaluation` of the run, including typed settings.
        typed: Only the typed settings of this section, as nested values.

    Returns:
        The section, and the classes of the removed parts, by label.
    """
    refused = {
        label: str(options["class"])
        for label, options in config.own.items()
        if typed.get(label) != options
    }
    return as_evaluation(config.model_dump(exclude=set(refused))), refused


def is_elsewhere(cache_dir: str, run: Path) -> bool:
    """Returns whether a folder is outside the run and not yet a cache."""
    folder = Path(os.path.realpath(user_path(cache_dir)))
    return not folder.is_relative_to(run.resolve()) and not is_cache(folder)
