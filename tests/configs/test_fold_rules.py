import pytest
from keraunos.configs import RunConfig
from keraunos.configs.fold_rules import require_one_division
from keraunos.core.errors import ConfigError

FOLDED = RunConfig(search={"folds": 3})


@pytest.mark.parametrize("name", ["seed", "data.train", "data.test_split", "data.on_leak"])
def test_folds_must_be_the_same_in_all_trials(name):
    with pytest.raises(ConfigError, match=rf"fold by fold.*`{name}`"):
        require_one_division(FOLDED, ["model.dropout", name])
    require_one_division(RunConfig(), ["model.dropout", name])


def test_settings_that_do_not_affect_folds_can_vary():
    require_one_division(FOLDED, ["data.image_size", "data.class_balance", "model.head"])
