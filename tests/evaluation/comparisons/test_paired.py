import dataclasses

import numpy as np
import pytest
from drawn_predictions import drawn_predictions
from keraunos.core.errors import ConfigError
from keraunos.evaluation import NamedPredictions, bootstrap_intervals, compare_paired
from keraunos.evaluation.comparisons.paired import mcnemar
from keraunos.evaluation.statistics.intervals import WeightedScores
from keraunos.evaluation.statistics.resampling import draws
from sklearn import metrics

IMAGES = 140


@pytest.fixture(scope="module")
def first():
    return NamedPredictions("runs/a", drawn_predictions(IMAGES, seed=0))


@pytest.fixture(scope="module")
def second(first):
    """A model similar to the first one."""
    random = np.random.default_rng(1)
    noise = random.dirichlet([1, 1, 1], IMAGES)
    rows = (0.9 * first.predictions.probabilities + 0.1 * noise).astype(np.float32)
    return NamedPredictions(
        "runs/b", dataclasses.replace(first.predictions, probabilities=rows)
    )


@pytest.fixture(scope="module")
def finding(first, second):
    return compare_paired(first, second)


def changed(tested, **changes):
    predictions = dataclasses.replace(tested.predictions, **changes)
    return dataclasses.replace(tested, predictions=predictions)


def reordered(tested):
    """The same images in reverse, with the classes in another order."""
    predictions = tested.predictions
    order = [2, 0, 1]
    return changed(
        tested,
        names=predictions.names[::-1],
        class_names=[predictions.class_names[place] for place in order],
        labels=np.argsort(order)[predictions.labels[::-1]].astype(np.int32),
        probabilities=predictions.probabilities[::-1][:, order],
    )


def test_differences_equal_scikit_learn(first, second, finding):
    labels = first.predictions.labels
    rows = [each.predictions.probabilities for each in (first, second)]
    taken = [row.argmax(axis=1) for row in rows]
    expected = {
        "accuracy": [metrics.accuracy_score(labels, each) for each in taken],
        "balanced_accuracy": [metrics.balanced_accuracy_score(labels, e) for e in taken],
        "macro_f1": [metrics.f1_score(labels, each, average="macro") for each in taken],
        "macro_roc_auc": [
            np.mean([metrics.roc_auc_score(labels == c, row[:, c]) for c in range(3)])
            for row in rows
        ],
    }
    for name, (one, other) in expected.items():
        score = finding.values["scores"][name]
        assert score["first"] == pytest.approx(one, abs=1e-6)
        assert score["second"] == pytest.approx(other, abs=1e-6)
        assert score["difference"] == pytest.approx(other - one, abs=1e-6)
        assert score["interval"][0] <= score["difference"] <= score["interval"][1]


@pytest.mark.feature("paired comparison")
def test_both_models_are_scored_on_the_same_bootstrap_samples(first, second, finding):
    labels = first.predictions.labels
    scorers = [
        WeightedScores(labels, each.predictions.probabilities) for each in (first, second)
    ]
    one, other = (
        np.concatenate([score(weights)["macro_f1"] for weights in draws(labels)])
        for score in scorers
    )
    interval = finding.values["scores"]["macro_f1"]["interval"]
    assert interval == pytest.approx(np.quantile(other - one, [0.025, 0.975]))
    for name, score in finding.values["scores"].items():
        ends = [
            bootstrap_intervals(labels, each.predictions.probabilities, seed=seed)[name]
            for seed, each in enumerate((first, second))
        ]
        unpaired = np.hypot(*(high - low for low, high in ends))
        assert np.diff(score["interval"]) < unpaired / 2, name


def test_order_of_images_and_classes_does_not_matter(first, second, finding):
    assert compare_paired(first, reordered(second)).values == finding.values


def test_images_are_matched_by_content_if_digests_are_known(first, second, finding):
    digests = [f"{number:064x}" for number in range(IMAGES)]
    known = dataclasses.replace(first, digests=digests)
    moved = changed(second, names=[f"elsewhere/{n}" for n in range(IMAGES)])
    moved = dataclasses.replace(reordered(moved), digests=digests[::-1])
    assert compare_paired(known, moved).values == finding.values
    with pytest.raises(ConfigError, match="140 images of runs/b only: elsewhere/139, "):
        compare_paired(first, moved)
    with pytest.raises(
        ConfigError,
        match=r"1 images have the same name but different content: images/4\.png",
    ):
        changed_file = [*digests[:4], "f" * 64, *digests[5:]]
        compare_paired(known, dataclasses.replace(second, digests=changed_file))


def test_duplicate_images_are_paired_within_their_class(first, second, finding):
    digests = [f"{number // 2:064x}" for number in range(IMAGES)]
    known = dataclasses.replace(first, digests=digests)
    backwards = dataclasses.replace(reordered(second), digests=digests[::-1])
    accuracy = compare_paired(known, backwards).values["scores"]["accuracy"]
    assert accuracy["second"] == finding.values["scores"]["accuracy"]["second"]


def test_all_different_classes_and_images_are_listed(first, second):
    names = ["x.png", "y.png", "z.png", "v.png", *second.predictions.names[4:]]
    classes = ["cat", "dog", "gnu"]
    with pytest.raises(ConfigError) as raised:
        compare_paired(first, changed(second, names=names, class_names=classes))
    _, *found = str(raised.value).splitlines()
    assert [each.strip() for each in found] == [
        "classes of runs/a only: emu",
        "classes of runs/b only: gnu",
        "4 images of runs/a only: images/0.png, images/1.png, images/2.png and 1 more",
        "4 images of runs/b only: x.png, y.png, z.png and 1 more",
    ]


def test_images_with_different_labels_are_listed(first, second):
    labels = second.predictions.labels.copy()
    labels[[3, 7]] = (labels[[3, 7]] + 1) % 3
    with pytest.raises(
        ConfigError, match=r"labels of 2 images differ: images/3\.png, images/7\.png"
    ):
        compare_paired(first, changed(second, labels=labels))


def test_groups_widen_intervals_and_raise_a_warning(first, second, finding):
    def copied(tested):
        predictions = tested.predictions
        return changed(
            dataclasses.replace(tested, groups=np.arange(IMAGES).repeat(4)),
            names=[f"{n}.png" for n in range(4 * IMAGES)],
            labels=predictions.labels.repeat(4),
            probabilities=predictions.probabilities.repeat(4, axis=0),
        )

    grouped = compare_paired(copied(first), copied(second))
    assert "560 images form 140 groups" in grouped.warnings[0]
    for name, score in grouped.values["scores"].items():
        wanted = np.diff(finding.values["scores"][name]["interval"])
        assert np.diff(score["interval"]) == pytest.approx(wanted, rel=0.15), name


def test_second_table_excludes_contradictory_images(first, second, finding):
    contradictory = np.arange(IMAGES) % 10 == 0
    both = compare_paired(dataclasses.replace(first, contradictory=contradictory), second)
    without = both.values["without_contradictory_images"]
    assert without["images"] == 126
    kept = first.predictions.scores(~contradictory)
    assert without["scores"]["macro_f1"]["first"] == pytest.approx(kept["macro_f1"])
    assert both.values["scores"] == finding.values["scores"]
    assert len(both.tables) == 2


def test_model_is_called_better_only_if_the_interval_excludes_zero(first):
    worse = changed(first, probabilities=first.predictions.probabilities[:, [1, 2, 0]])
    worse = dataclasses.replace(worse, name="runs/b")
    assert compare_paired(first, worse).conclusions[0].endswith("runs/a is better.")
    same = compare_paired(first, dataclasses.replace(first, name="runs/b"))
    assert same.conclusions == [
        "Balanced accuracy differs by +0.000 [+0.000, +0.000] on 140 images: these images "
        "do not show which is better.",
        "runs/a alone is right for 0 images, runs/b alone for 0: McNemar's exact test "
        "p = 1.",
    ]


@pytest.mark.nightly
def test_mcnemar_test_equals_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    random = np.random.default_rng(0)
    for count in (12, 90):
        first, second = random.random((2, count)) < [[0.8], [0.6]]
        table = [
            [(first & second).sum(), (first & ~second).sum()],
            [(~first & second).sum(), (~first & ~second).sum()],
        ]
        wanted = tables.mcnemar(table, exact=True).pvalue
        assert mcnemar(first, second)["p_value"] == pytest.approx(wanted)
