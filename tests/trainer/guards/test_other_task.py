from types import SimpleNamespace

import pytest
from keraunos.core.errors import ConfigError
from keraunos.core.target_scale import TargetScale
from keraunos.models import (
    Module,
    MultiLabelTransferClassifier,
    TransferClassifier,
    TransferRegressor,
)
from keraunos.trainer.guards.other_task import refuse_other_task

MODULES = {
    "classification": TransferClassifier(2, weights=None),
    "multi_label": MultiLabelTransferClassifier(2, weights=None),
    "regression": TransferRegressor(TargetScale((0.0,), (1.0,)), weights=None),
}


@pytest.mark.parametrize("of_data", MODULES)
@pytest.mark.parametrize("of_module", MODULES)
def test_module_trains_only_on_data_of_its_task(of_module, of_data):
    data = SimpleNamespace(task=of_data)
    if of_module == of_data:
        refuse_other_task(MODULES[of_module], data)
        return
    with pytest.raises(ConfigError, match=f"task={of_module}.*task='{of_data}'"):
        refuse_other_task(MODULES[of_module], data)


def test_modules_and_data_without_a_task_are_accepted():
    refuse_other_task(Module(), SimpleNamespace(task="regression"))
    refuse_other_task(MODULES["regression"], [1, 2])


@pytest.mark.parametrize("task", ["multi_label", "regression"])
def test_number_of_outputs_must_match_the_target_columns(task):
    count = MODULES[task].num_outputs
    fitting, other = (
        SimpleNamespace(task=task, class_names=("age", "size", "site")[:n])
        for n in (count, count + 1)
    )
    refuse_other_task(MODULES[task], fitting)
    with pytest.raises(ConfigError, match=f"each of age, size.*outputs={count}"):
        refuse_other_task(MODULES[task], other)
