"""What an exported model must not be used for is what the report of its run says."""

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


def test_it_names_images_and_weak_classes_but_no_folders(tmp_path):
    (tmp_path / "config.yaml").write_text("data:\n  train: /home/somebody/pets\n")
    write_checked_json(tmp_path / "test.json", SCORES)
    text = " ".join(read_not_for(tmp_path, ("cat", "dog")))
    assert "evaluated on 118 images" in text
    assert "one collection (pets)" in text
    assert "dog (20% of 38)" in text
    assert "somebody" not in text


def test_a_run_that_was_not_tested_or_is_damaged_was_measured_on_no_images(tmp_path):
    assert "on no images" in read_not_for(tmp_path, ("cat", "dog"))[0]
    (tmp_path / "test.json").write_text("{}")
    assert "on no images" in read_not_for(tmp_path, ("cat", "dog"))[0]


def test_models_of_numbers_are_not_for_numbers_that_were_never_seen(tmp_path):
    (*_, last) = read_not_for(tmp_path, ("age",), "regression")
    assert "whose values are outside" in last
    assert "classes" not in " ".join(read_not_for(tmp_path, ("hair",), "multi_label"))
