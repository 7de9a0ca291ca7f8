"""Describes the outputs of multi-label and regression models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .fields import Fields, ModelFileError

Floats = npt.NDArray[np.floating]

TASKS = ("classification", "multi_label", "regression")
_DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class TaskRules:
    """How the outputs of a task are interpreted.

    Attributes:
        task: One of `TASKS`.
        thresholds: Minimum probability of each label.
        half_widths: Half the width of the interval around each number, or None.
    """

    task: str = "classification"
    thresholds: tuple[float, ...] = ()
    half_widths: tuple[float | None, ...] = ()


CLASSIFICATION = TaskRules()


def task_rules_of(fields: Fields, names: tuple[str, ...]) -> TaskRules:
    """Parses the task of a document and its rules; by default classification.

    Raises:
        ModelFileError: The task is unknown, or a threshold or width is missing.
    """
    task = "classification" if fields.get("task") is None else fields.text("task")
    if task not in TASKS:
        raise ModelFileError(
            f"`task` must be one of {', '.join(TASKS)}. Received: task={task!r}."
        )
    thresholds: Mapping[str, float | None] = {}
    widths: Mapping[str, float | None] = {}
    if task == "multi_label":
        thresholds = _optional_numbers(fields, "label_thresholds", names)
    if task == "regression":
        widths = _optional_numbers(fields, "interval_half_widths", names)
    return TaskRules(
        task,
        tuple(
            _DEFAULT_THRESHOLD if value is None else value for value in thresholds.values()
        ),
        tuple(widths.values()),
    )


def rules_without_choices(task: str, count: int) -> TaskRules:
    """Returns the default rules, without chosen thresholds or intervals.

    Args:
        task: One of `TASKS`.
        count: Number of outputs.
    """
    if task == "multi_label":
        return TaskRules(task, thresholds=(_DEFAULT_THRESHOLD,) * count)
    if task == "regression":
        return TaskRules(task, half_widths=(None,) * count)
    return CLASSIFICATION


def describe_labels(
    outputs: Floats, names: tuple[str, ...], rules: TaskRules
) -> list[dict[str, Any]]:
    """Returns the labels of each image, with all probabilities and thresholds.

    Args:
        outputs: `(images, labels)`.
        names: Names of the labels.
        rules: Thresholds of the labels.
    """
    has_label = outputs >= np.array(rules.thresholds)
    return [
        {
            "labels": [name for name, given in zip(names, labels, strict=True) if given],
            "probabilities": dict(zip(names, row.tolist(), strict=True)),
            "thresholds": dict(zip(names, rules.thresholds, strict=True)),
        }
        for row, labels in zip(outputs, has_label, strict=True)
    ]


def describe_numbers(
    outputs: Floats, names: tuple[str, ...], rules: TaskRules
) -> list[dict[str, Any]]:
    """Returns the numbers of each image, each with its interval or None.

    Args:
        outputs: `(images, numbers)`.
        names: Names of the numbers.
        rules: Widths of the intervals.
    """
    return [
        {
            "values": dict(zip(names, row.tolist(), strict=True)),
            "intervals": {
                name: None if width is None else [value - width, value + width]
                for name, value, width in zip(
                    names, row.tolist(), rules.half_widths, strict=True
                )
            },
        }
        for row in outputs
    ]


def _optional_numbers(
    fields: Fields, name: str, names: tuple[str, ...]
) -> dict[str, float | None]:
    inner = fields.optional(name)
    if inner is None:
        return dict.fromkeys(names)
    return {each: inner.optional_number(each) for each in names}
