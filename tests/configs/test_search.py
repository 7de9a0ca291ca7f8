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
