"""Settings that each task supports."""

import pytest
from keraunos.configs import load_config
from keraunos.core.errors import ConfigError

REFUSED = [
    ("regression", ["model.label_smoothing=0.1"], "`model.label_smoothing` is for labels"),
    (
        "multi_label",
        ["evaluation.slices={columns: [sex]}"],
        "everything except license, tta, ensemble is for images of one class each.",
    ),
    ("regression", ["model.head=ridge"], "`model.head` must be chosen from linear with"),
    ("multi_label", ["evaluation.own={class: 'a.b:C'}"], "Set evaluation.own=null"),
]
TAKEN = [
    ("multi_label", ["model.label_smoothing=0.1", "evaluation.license=mit"]),
    ("regression", ["effort=best", "evaluation.tta=3"]),
    ("multi_label", ["effort=best"]),
]


@pytest.mark.parametrize(("task", "typed", "words"), REFUSED)
def test_settings_unsupported_by_a_task_are_rejected(task, typed, words):
    with pytest.raises(ConfigError) as caught:
        load_config(["classify"], [f"task={task}", *typed])
    assert words in str(caught.value)


@pytest.mark.parametrize(("task", "typed"), TAKEN)
def test_settings_supported_by_a_task_are_accepted(task, typed):
    assert load_config(["classify"], [f"task={task}", *typed]).task == task
