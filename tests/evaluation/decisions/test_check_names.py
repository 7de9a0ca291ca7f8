import pytest
from keraunos.configs.evaluation import as_evaluation
from keraunos.core.errors import ConfigError
from keraunos.evaluation.decisions.check_names import require_class_names

CLASSES = ["cat", "dog", "emu"]


def problems(**evaluation):
    with pytest.raises(ConfigError) as raised:
        require_class_names(as_evaluation(evaluation), CLASSES)
    first, *found = str(raised.value).splitlines()
    assert first.startswith("`evaluation` must name classes of the data. Received: ")
    return [each.strip() for each in found]


def test_all_invalid_class_names_are_reported_in_one_error():
    assert problems(
        groups={"pets": ["cat", "dgo"], "all": CLASSES, "none": [], "emu": ["cat", "cat"]},
        operating_points={"wolf": {"sensitivity": 0.9}, "pets": {"specificity": 0.9}},
        costs={"cat": {"dog": 1.0, "ask": 0.5}, "cow": {}, "dog": {"cat": 1.0, "emu": 2.0}},
        must_not_miss=["emus"],
    ) == [
        "groups.pets: dgo is not a class. Did you mean dog?",
        "groups.all: it contains all classes, so that no others are left",
        "groups.none: it is empty",
        "groups.emu: cat is listed twice",
        "groups.emu: a class has that name",
        "operating_points: wolf is neither a class nor a group.",
        "costs: cow is not a class.",
        "costs: emu is missing",
        "costs.cat: emu is missing",
        "costs.dog: ask is missing",
        "must_not_miss: emus is not a class. Did you mean emu?",
    ]


def test_valid_class_names_are_accepted():
    evaluation = {
        "groups": {"pets": ["cat", "dog"]},
        "operating_points": {"pets": {"sensitivity": 0.9}, "emu": {"threshold": 0.2}},
        "must_not_miss": ["emu"],
    }
    require_class_names(as_evaluation(evaluation), CLASSES)
    require_class_names(as_evaluation({"operating_points": None}), CLASSES)
