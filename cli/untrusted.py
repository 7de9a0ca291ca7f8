"""What the files of a run may not decide: it could be a stranger's.

Whoever types a setting stands for it. What only the run's own `config.yaml` names is used
where it can do no harm: images are read, and Keraunos' own callbacks write below the run.
Nothing that imports code, runs a command, writes or sends elsewhere is taken from there.
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

# Callbacks of Keras that open no file and no connection.
_SAFE_KERAS_CALLBACKS = {
    "EarlyStopping",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TerminateOnNaN",
}


def foreign_names(config: RunConfig) -> dict[str, str]:
    """What a configuration names that is not ours or reaches elsewhere, by setting."""
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
    """What is not ours or lies elsewhere, and that nobody has typed with all its options.

    Args:
        config: Of the run, with what was typed.
        typed: What was typed alone, as nested values.
        run: The directory of the run.
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
    """The configuration of a run, without a cache folder that is none yet.

    Args:
        config: As `config.yaml` of the run has it.
        run: The directory of the run.
    """
    if config.cache_dir is None or not is_elsewhere(config.cache_dir, run):
        return config
    notify(
        f"cache: your own, because the run names {config.cache_dir}, which is not a cache"
    )
    return config.model_copy(update={"cache_dir": None})


def trusted_evaluation(
    config: EvaluationConfig, typed: Mapping[str, Any]
) -> tuple[EvaluationConfig, dict[str, str]]:
    """An evaluation without the parts that only the run's own files name.

    Args:
        config: The section `evaluation` of the run, with what was typed.
        typed: That section of what was typed alone, as nested values.

    Returns:
        The section, and the class that each part left out names.
    """
    refused = {
        label: str(options["class"])
        for label, options in config.own.items()
        if typed.get(label) != options
    }
    return as_evaluation(config.model_dump(exclude=set(refused))), refused


def is_elsewhere(cache_dir: str, run: Path) -> bool:
    """Whether a folder is neither below a run nor a cache already."""
    folder = Path(os.path.realpath(user_path(cache_dir)))
    return not folder.is_relative_to(run.resolve()) and not is_cache(folder)
