import pytest
from keraunos.report.facts import RunFacts
from keraunos.report.page.summary import not_for, on_what_data, what_it_does
from keraunos.report.run_report import RunReport
from report_pages import CLASSES, predictions, report


def with_settings(**settings):
    return RunFacts("a", settings=settings, class_names=CLASSES, counts={"train": {"a": 2}})


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            {"backbone": "ResNet50", "weights": "imagenet"},
            "ResNet50, initialized with ImageNet weights,",
        ),
        ({"backbone": "ResNet50", "weights": None}, "ResNet50, initialized at random,"),
        ({"builder": "own:build"}, "A custom network (own:build)"),
        ({}, "An unknown network"),
    ],
)
def test_summary_names_the_network(model, words):
    assert words in what_it_does(RunReport(with_settings(model=model)))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"validation": "/a/v"}, "The validation images were given: v."),
        ({"validation_split": 0.25}, "25% were held out for validation"),
        ({"folds": 5, "fold": 2}, "Fold 2 of 5 was held out"),
        ({"split": "/a/s.csv"}, "They were split as in s.csv."),
        (
            {"validation": "/a/v", "train_on_validation": True},
            "No images were held out for validation.",
        ),
        ({"group_column": "patient"}, "Images of one patient stay in one split."),
    ],
)
def test_summary_states_how_images_were_split(data, words):
    assert words in on_what_data(with_settings(data=data, seed=1))


def test_summary_mentions_the_search_that_selected_the_settings():
    search = {"num_trials": 5, "objective": "val_auc", "score": 0.53712}
    folds = {"fold_scores": [0.5, 0.6, 0.5], "corrected_score": 0.51}
    words = "a search of 5 trials, in which they reached val_auc 0.5371"
    assert f"{words}. It" in what_it_does(RunReport(RunFacts("a", search=search)))
    said = what_it_does(RunReport(RunFacts("a", search=search | folds)))
    assert f"{words} over 3 folds, 0.5100 when corrected for the selection. It" in said


def test_no_validation_fraction_is_stated_for_folds():
    facts = with_settings(data={"folds": 5, "fold": 2, "validation_split": 0.2})
    assert "20%" not in on_what_data(facts)


def test_dropped_files_are_counted_by_setting():
    dropped = {"on_leak": 2, "on_conflict": 1}
    facts = RunFacts("a", counts={"train": {"a": 1}}, dropped=dropped)
    assert "3 files were dropped (2 by on_leak, 1 by on_conflict)." in on_what_data(facts)


def test_limitations_follow_from_the_evaluation():
    text = " ".join(not_for(report()))
    assert "evaluated on 7 images" in text
    assert "one collection (photographs)" in text
    assert "Detecting angioma: there were no test images" in text
    assert "any one class (3 to 4 test images) alone: with fewer than 30 test" in text
    assert "more than half" not in text


def test_class_that_is_mostly_missed_is_named():
    missed = predictions(labels=(0, 0, 0, 1), taken=(1, 1, 0, 1))
    text = " ".join(not_for(report(made=missed)))
    assert "Detecting melanoma (33% of 3): more than half of the test images" in text


def test_equal_class_sizes_are_not_written_as_a_range():
    even = predictions(labels=(0, 1, 2), taken=(0, 1, 2))
    assert "any one class (1 test images)" in " ".join(not_for(report(made=even)))


def test_classes_with_few_images_are_named_beside_those_with_many():
    labels = [0] * 40 + [1] * 5
    text = " ".join(not_for(report(made=predictions(labels=labels, taken=labels))))
    assert "Claims about nevus (5) alone" in text
