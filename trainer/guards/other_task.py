"""Rejects data whose task differs from that of the model."""

from typing import Any

from ...core.errors import ConfigError, message
from ...models import Module, TransferModel
from ..contracts import HasClassNames, HasTask


def refuse_other_task(module: Module, data: Any) -> None:
    """Checks that a module and its data have the same task and number of outputs.

    Otherwise a classification loss, for example, would take multi-label targets for class
    probabilities.

    Args:
        module: The module to train.
        data: `ImageData` or one of its splits; other data is not checked.

    Raises:
        ConfigError: The tasks or the numbers of outputs differ.
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
    """Checks the number of outputs, since Keras would broadcast a single target to all."""
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
