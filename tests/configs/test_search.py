import pytest
from keraunos.configs import SearchConfig, validated
from keraunos.core.errors import ConfigError


@pytest.mark.parametrize(
    "setting", [{"choose": "one_standard_error"}, {"finish": "ensemble"}]
)
def test_what_is_of_folds_needs_folds(setting):
    (named,) = setting
    with pytest.raises(
        ConfigError, match=rf"search\.{named}=.*needs folds.*search.folds=5"
    ):
        validated(SearchConfig, "search", **setting)
    assert validated(SearchConfig, "search", folds=2, **setting)


@pytest.mark.parametrize("folds", ["folds", "outer_folds"])
def test_folds_are_scored_on_the_images_that_they_hold_out(folds):
    with pytest.raises(ConfigError, match=r"begins with val_.*objective=val_auc"):
        validated(SearchConfig, "search", objective="auc", **{folds: 2})
    validated(SearchConfig, "search", objective="val_auc", **{folds: 2})
    validated(SearchConfig, "search", objective="auc")
