"""Refuses data of another task than that of the model."""

from typing import Any

from ...core.errors import ConfigError, message
from ...models import Module, TransferClassifier
from ..contracts import HasTask


def refuse_other_task(module: Module, data: Any) -> None:
    """Looks at what a module predicts, and at what data say of their images.

    A loss of one class an image, say, would take several labels for shares of classes.

    Args:
        module: What is to be trained.
        data: `ImageData`, one of its splits, or any others, which say nothing.

    Raises:
        ConfigError: They are of different tasks.
    """
    if not isinstance(module, TransferClassifier) or not isinstance(data, HasTask):
        return
    if data.task == module.task:
        return
    raise ConfigError(
        message(
            f"{type(module).__name__} must be trained on images with task={module.task}.",
            "Read these with that task, or take the module of the data's task: see "
            "docs/tasks.md.",
            task=data.task,
        )
    )
