"""Reads the unsuitable uses of a model from the report of its run."""

from pathlib import Path, PurePath
from typing import Any

from ..configs.choices import Task
from ..configs.load import read_source
from ..core.checked_files import read_checked_json
from ..core.errors import CheckpointError
from ..core.run_layout import CONFIG_FILE, TEST_FILE
from ..report.facts import RunFacts
from ..report.page.summary import not_for
from ..report.run_report import RunReport


def read_not_for(
    run: Path, classes: tuple[str, ...], task: Task = "classification"
) -> list[str]:
    """Returns the sentences of the report, without the folder of the training set.

    Args:
        run: The run directory.
        classes: Classes of its model.
        task: Task of its model.
    """
    facts = RunFacts(run.name, settings=_settings(run), class_names=classes)
    if not (run / TEST_FILE).exists():
        return not_for(RunReport(facts, task=task))
    try:
        scores = read_checked_json(run / TEST_FILE)
        return not_for(RunReport(facts, scores, task=task))
    except (CheckpointError, KeyError, TypeError):  # damaged, or of another version
        return not_for(RunReport(facts, task=task))


def _settings(run: Path) -> dict[str, Any]:
    """Returns the name of the training set from the configuration, if there is one."""
    file = run / CONFIG_FILE
    data = read_source(str(file)).values.get("data", {}) if file.exists() else {}
    source = data.get("train")
    # Exports are passed on, and must not reveal folders of this machine.
    return {} if source is None else {"data": {"train": PurePath(str(source)).name}}
