"""Limitations of an exported model, taken from the report of its run."""

from keraunos.core.checked_files import write_checked_json
from keraunos.export.not_for import read_not_for

SCORES = {
    "examples": 118,
    "per_class": {
        "cat": {"recall": 0.9, "support": 80},
        "dog": {"recall": 0.2, "support": 38},
    },
    "classes_without_examples": [],
}


def test_limitations_name_images_and_weak_classes_but_no_paths(tmp_path):
    (tmp_path / "config.yaml").write_text("data:\n  train: /home/somebody/pets\n")
    write_checked_json(tmp_path / "test.json", SCORES)
    text = " ".join(read_not_for(tmp_path, ("cat", "dog")))
    assert "evaluated on 118 images" in text
    assert "one collection (pets)" in text
    assert "dog (20% of 38)" in text
    assert "somebody" not in text


def test_untested_or_damaged_run_counts_as_evaluated_on_no_images(tmp_path):
    assert "on no images" in read_not_for(tmp_path, ("cat", "dog"))[0]
    (tmp_path / "test.json").write_text("{}")
    assert "on no images" in read_not_for(tmp_path, ("cat", "dog"))[0]


def test_regression_models_exclude_values_outside_the_training_range(tmp_path):
    (*_, last) = read_not_for(tmp_path, ("age",), "regression")
    assert "whose values are outside" in last
    assert "classes" not in " ".join(read_not_for(tmp_path, ("hair",), "multi_label"))
