"""The settings that each task supports, and their defaults."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..core.errors import message
from .choices import Loss, MetricName, Task
from .data_rules import is_table
from .evaluation import EvaluationConfig
from .problems import Problem, ProblemsError, problem

LOSSES: Mapping[Task, tuple[Loss, ...]] = {
    "classification": ("crossentropy", "focal", "class_balanced", "logit_adjusted"),
    "multi_label": ("crossentropy", "focal"),
    "regression": ("mean_squared_error", "mean_absolute_error", "huber"),
}
METRICS: Mapping[Task, tuple[MetricName, ...]] = {
    "classification": (
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "macro_roc_auc",
        "recall_per_class",
    ),
    "multi_label": ("label_accuracy", "macro_f1", "mean_average_precision"),
    "regression": ("mean_absolute_error", "root_mean_squared_error", "r2"),
}
_FOR_ALL_TASKS = ("license", "tta", "ensemble")
_OBJECTIVES: Mapping[Task, str] = {
    "multi_label": "val_mean_average_precision",
    "regression": "val_loss",
}


def with_task_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fills in settings whose defaults differ from those of classification.

    Args:
        values: The given settings, nested as in a file.

    Example:
        >>> with_task_defaults({"task": "regression"})["model"]["loss"]
        'mean_squared_error'
    """
    task: Any = values.get("task")
    if task not in _OBJECTIVES:
        return dict(values)
    given = values.get("model", {})
    has_builder = isinstance(given, Mapping) and given.get("builder") is not None
    sections: dict[str, dict[str, Any]] = {"search": {"objective": _OBJECTIVES[task]}}
    sections |= {} if has_builder else {"model": model_defaults(task)}
    filled = {
        name: {**defaults, **values.get(name, {})}
        for name, defaults in sections.items()
        if isinstance(values.get(name, {}), Mapping)
    }
    return {**values, **filled}


def model_defaults(task: Task) -> dict[str, Any]:
    """Returns the settings of `model` whose defaults differ for a task.

    Empty for classification: its defaults are those of the section.

    Example:
        >>> model_defaults("regression")["loss"], model_defaults("classification")
        ('mean_squared_error', {})
    """
    if task == "classification":
        return {}
    return {"loss": LOSSES[task][0], "metrics": list(METRICS[task][1:])}


def check_task(
    task: Task,
    data: Mapping[str, Any],
    model: Mapping[str, Any],
    evaluation: Mapping[str, Any],
) -> None:
    """Checks that a task supports the settings.

    Args:
        task: The task.
        data: The section `data`.
        model: The section `model`.
        evaluation: The settings of `evaluation` that differ from their defaults.

    Raises:
        ProblemsError: The task does not support some; the message lists all of them.
    """
    problems = [*model_problems(task, model)]
    if task != "classification":
        problems += [*_data_problems(task, data), *_evaluation_problems(task, evaluation)]
    if problems:
        raise ProblemsError(*problems)


def _data_problems(task: Task, data: Mapping[str, Any]) -> Iterator[Problem]:
    for name in ("train", "validation", "test"):
        path = data[name]
        if path is not None and not is_table(path):
            text = message(
                f"`task={task}` needs a table of images, .csv or .tsv, in `data.{name}`: "
                "folders are classes.",
                "See docs/tasks.md.",
                **{f"data.{name}": path},
            )
            yield Problem(f"data.{name}", text)
    if data["class_balance"] != "none":
        yield problem(
            "data.class_balance",
            "is for images of one class each",
            "Leave it out.",
            **{"data.class_balance": data["class_balance"], "task": task},
        )


def _evaluation_problems(task: Task, evaluation: Mapping[str, Any]) -> Iterator[Problem]:
    asked = [name for name in evaluation if name not in _FOR_ALL_TASKS]
    if asked:
        unset = EvaluationConfig().model_dump(mode="json")
        back = [f"evaluation.{name}={json.dumps(unset.get(name))}" for name in asked]
        settings = {f"evaluation.{name}": evaluation[name] for name in asked}
        text = message(
            "In the section `evaluation`, everything except "
            f"{', '.join(_FOR_ALL_TASKS)} is for images of one class each.",
            f"Set {' '.join(back)} where a recipe or its effort asks for it.",
            **settings,
            task=task,
        )
        yield Problem(f"evaluation.{asked[0]}", text)


def model_problems(task: Task, model: Mapping[str, Any]) -> Iterator[Problem]:
    """Yields a problem for each setting of `model` that a task does not support."""
    if model.get("builder") is not None:
        return
    if task != "classification":
        yield from _choice_problems("model.head", [model["head"]], ["linear"], task)
    if task == "regression" and model["label_smoothing"]:
        yield problem(
            "model.label_smoothing",
            "is for labels; numbers have none",
            "Leave it out.",
            **{"model.label_smoothing": model["label_smoothing"], "task": task},
        )
    yield from _choice_problems("model.loss", [model["loss"]], LOSSES[task], task)
    yield from _choice_problems("model.metrics", model["metrics"], METRICS[task], task)


def _choice_problems(
    setting: str, given: Collection[str], known: Collection[str], task: Task
) -> Iterator[Problem]:
    odd = [name for name in given if name not in known]
    if odd:
        yield problem(
            setting,
            f"must be chosen from {', '.join(known)} with `task={task}`",
            "",
            **{setting: ", ".join(odd), "task": task},
        )
