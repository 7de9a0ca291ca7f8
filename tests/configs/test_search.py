import pytest
from keraunos.configs import SearchConfig, validated
from keraunos.core.errors import ConfigError


@pytest.mark.parametrize(
    "setting", [{"choose": "one_standard_error"}, {"finish": "ensemble"}]
)
def test_fold_based_settings_require_folds(setting):
    (named,) = setting
    with pytest.raises(
        ConfigError, match=rf"search\.{named}=.*needs folds.*Set search\.folds"
    ):
        validated(SearchConfig, "search", **setting)
    assert validated(SearchConfig, "search", folds=2, **setting)


@pytest.mark.parametrize("folds", ["folds", "outer_folds"])
def test_search_over_folds_requires_a_validation_objective(folds):
    with pytest.raises(ConfigError, match=r"begins with val_.*Choose val_auc"):
        validated(SearchConfig, "search", objective="auc", **{folds: 2})
    validated(SearchConfig, "search", objective="val_auc", **{folds: 2})
    validated(SearchConfig, "search", objective="auc")
