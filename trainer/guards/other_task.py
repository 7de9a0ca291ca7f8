"""Rejects data of another task than that of the model."""

from typing import Any

from ...core.errors import ConfigError, message
from ...models import Module, TransferModel
from ..contracts import HasClassNames, HasTask


def refuse_other_task(module: Module, data: Any) -> None:
    """Looks at what a module predicts, and at what data say of their images.

    A loss of one class an image, say, would take several labels for shares of classes.

    Args:
        module: What is to be trained.
        data: `ImageData`, one of its splits, or any others, which say nothing.

    Raises:
        ConfigError: They are of different tasks.
    """
    if not isinstance(module, TransferModel) or not isinstance(data, HasTask):
        return
    if data.task == module.task:
        _refuse_other_number(module, data)
        return
    raise ConfigError(
        message(
            f"{type(module).__name__} must be trained on images with task={module.task}.",
            "Read the images with that task, or use the module for the task of the data: "
            "see docs/tasks.md.",
            task=data.task,
        )
    )


def _refuse_other_number(module: TransferModel, data: HasTask) -> None:
    """One number would be compared with each of several outputs."""
    if module.task == "classification" or not isinstance(data, HasClassNames):
        return
    if len(data.class_names) != module.num_outputs:
        raise ConfigError(
            message(
                f"{type(module).__name__} must have an output for each of "
                f"{', '.join(data.class_names)}.",
                "Pass data.num_classes, or data.train.target_scale of the same data.",
                outputs=module.num_outputs,
            )
        )
