import pytest
from keraunos.core.errors import ConfigError
from keraunos.core.names import choose, did_you_mean, snake_case


def test_suggestions_keep_the_spelling_of_the_choice():
    assert did_you_mean("resnet5", ["ResNet50", "DenseNet121"]) == "Did you mean ResNet50?"
    assert did_you_mean("label", ["layout", "label_column"]) == "Did you mean label_column?"
    assert did_you_mean("zzz", ["ResNet50"]) == ""
    assert did_you_mean("re", ["ResNet50"]) == ""


def test_choose_lists_the_choices_and_suggests_the_closest():
    with pytest.raises(
        ConfigError, match=r"one of a_one, b_two.*shape='b_tow'.*mean b_two"
    ):
        choose("shape", "b_tow", {"a_one": 1, "b_two": 2})


@pytest.mark.parametrize(
    ("name", "expected"),
    [("EarlyStopping", "early_stopping"), ("LRFinder", "lr_finder"), ("EMA", "ema")],
)
def test_snake_case(name, expected):
    assert snake_case(name) == expected
