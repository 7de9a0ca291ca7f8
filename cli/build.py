"""Builds the data, module, Trainer and callbacks of a configuration."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..callbacks import Alerts, Callback, JsonLog
from ..callbacks.registry import create_callback
from ..configs import OptimizerConfig, RunConfig, callback_class
from ..core.user_code import arguments_of, current_folder_first, import_function
from ..data import Augmentation, ImageData
from ..evaluation.decisions.check_names import require_class_names
from ..evaluation.slices.slicing import require_columns
from ..models import (
    Module,
    MultiLabelTransferClassifier,
    Optimizer,
    SharedNetworks,
    TransferClassifier,
    TransferRegressor,
)
from ..trainer import Trainer
from .config_file import ConfigFile
from .console import uses_json


def build_data(config: RunConfig) -> ImageData:
    """Reads the images of a configuration.

    Raises:
        ConfigError: `evaluation` names a class or column that the data does not have.
    """
    augmentation = build_augmentation(config)
    data = ImageData.from_config(
        config.data, augmentation, config.seed, config.cache_dir, config.task
    )
    require_class_names(config.evaluation, data.class_names)
    slices = config.evaluation.slices
    require_columns(slices.columns if slices else None, data.train.columns)
    return data


def build_augmentation(config: RunConfig) -> Augmentation:
    """Creates the augmentation of a configuration."""
    return Augmentation(**config.augmentation.model_dump())


def build_module(
    config: RunConfig, data: ImageData, shared: SharedNetworks | None = None
) -> Module | Callable[[], Any]:
    """Creates the module of a configuration, or the function that builds its model."""
    if config.model.builder is not None:
        return _user_module(config.model.builder, config.model.arguments, data)
    options = config.model.model_dump(exclude={"builder", "arguments"})
    options |= {
        "image_size": data.image_size,
        "optimizer": build_optimizer(config.optimizer),
        "shared": shared,
        "table_features": data.train.table_features,
    }
    if config.task == "multi_label":
        return MultiLabelTransferClassifier(data.num_classes, **options)
    if config.task == "regression":
        return TransferRegressor(data.train.target_scale, **options)
    return TransferClassifier(
        data.num_classes,
        class_names=data.class_names,
        class_counts=data.train.class_counts,
        num_examples=data.train.num_examples * (data.train.num_views or 1),
        **options,
    )


def build_optimizer(config: OptimizerConfig) -> Optimizer:
    """Creates the optimizer of a configuration."""
    return Optimizer(**config.model_dump())


def build_trainer(config: RunConfig, run_dir: Path | None, **more: Any) -> Trainer:
    """Creates the Trainer of a configuration.

    Args:
        config: The configuration.
        run_dir: The run directory, or None to write nothing.
        **more: Arguments of `Trainer` that override the configuration; `callbacks` are
            added to those of the configuration.
    """
    settings = config.trainer.model_dump(exclude={"cpu_devices", "gpu_memory_limit_gib"})
    callbacks = {"config_file": ConfigFile(config)} | build_callbacks(config)
    callbacks |= more.pop("callbacks", {})
    if uses_json():
        callbacks |= {"progress_bar": JsonLog()}
    own = {
        "feature_cache": config.feature_cache,
        "seed": config.seed,
        "run_dir": run_dir,
        "callbacks": callbacks,
    }
    return Trainer(**settings | own | more)


def build_callbacks(config: RunConfig) -> dict[str, Callback | None]:
    """Creates the callbacks of a configuration; None disables a default callback."""
    return {
        label: None if options is None else create_callback(label, options)
        for label, options in config.callbacks.items()
    }


def alerts_of(config: RunConfig) -> list[Alerts]:
    """Creates the alert callbacks of a search, whose trials send no alerts themselves."""
    made = [
        create_callback(label, options)
        for label, options in config.callbacks.items()
        if options is not None and callback_class(label, options)[0] == "alerts"
    ]
    return [each for each in made if isinstance(each, Alerts)]


def _user_module(
    name: str, given: dict[str, Any], data: ImageData
) -> Module | Callable[[], Any]:
    """Returns the user's module, or a function that builds the user's model."""
    builder = import_function(name, "model.builder")
    offered = {
        "num_classes": data.num_classes,
        "image_size": data.image_size,
        "class_names": data.class_names,
    }
    arguments = arguments_of(name, builder, given, offered)

    def build() -> Any:
        with current_folder_first():  # for what the builder imports when it is called
            return builder(**arguments)

    is_module = isinstance(builder, type) and issubclass(builder, Module)
    return build() if is_module else build
