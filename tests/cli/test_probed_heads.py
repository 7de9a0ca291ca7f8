"""Probe heads are fitted only to the training images of a fold."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from keraunos.cli.probed_backbones import ProbedBackbone
from keraunos.cli.probed_heads import Cell, optimism, probe_head
from keraunos.cli.probed_images import Fold, ProbedImages
from keraunos.configs import RunConfig

IMAGES, HEADS = 60, ("linear", "ridge", "knn")
CONFIG = RunConfig()


def images(folds: int = 3) -> ProbedImages:
    labels = (np.arange(IMAGES) % 3).astype(np.int32)
    places = np.arange(IMAGES)
    fold_of = (places // 3) % folds
    data: Any = SimpleNamespace(class_names=["a", "b", "c"], num_classes=3)
    parts: Any = ()
    divided = [Fold(places[fold_of != n], places[fold_of == n]) for n in range(folds)]
    return ProbedImages(data, parts, labels, places, None, divided, is_balanced=False)


def backbone(seed: int = 0) -> ProbedBackbone:
    features = np.random.default_rng(seed).normal(size=(IMAGES, 5)).astype(np.float32)
    features[np.arange(IMAGES), np.arange(IMAGES) % 3] += 1.5
    return ProbedBackbone(features, 1234, 0.0, 0)


def probed(head: str, seen: ProbedImages, network: ProbedBackbone) -> Cell:
    return probe_head(("tiny", head), network, seen, CONFIG)


@pytest.mark.parametrize("head", HEADS)
def test_predictions_do_not_depend_on_validation_labels(head: str) -> None:
    seen = images(folds=3)
    one = replace(seen, folds=seen.folds[:1])
    labels = one.labels.copy()
    rows = one.folds[0].validation
    labels[rows] = (labels[rows] + 1) % 3
    mislabeled = replace(one, labels=labels)
    first, other = (probed(head, each, backbone()) for each in (one, mislabeled))
    np.testing.assert_array_equal(first.probabilities, other.probabilities)
    assert first.scores["accuracy"] > other.scores["accuracy"]  # type: ignore[operator]


@pytest.mark.parametrize("head", HEADS)
def test_each_fold_trains_its_own_head(head: str) -> None:
    seen = images(folds=3)
    together = probed(head, seen, backbone())
    alone = [probed(head, replace(seen, folds=[fold]), backbone()) for fold in seen.folds]
    np.testing.assert_array_equal(
        together.probabilities, np.concatenate([each.probabilities for each in alone])
    )
    values = np.array([each.scores["balanced_accuracy"] for each in alone], float)
    assert together.scores["balanced_accuracy"] == pytest.approx(values.mean())
    assert together.standard_error == pytest.approx(values.std(ddof=1) / np.sqrt(3))
    assert together.interval is None
    assert alone[0].interval is not None


def test_ridge_selection_keeps_copies_in_the_same_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = []

    def spy(data: Any, *args: Any) -> Any:
        given.append(data.groups)
        raise StopIteration

    monkeypatch.setattr("keraunos.cli.probed_heads.fit_ridge", spy)
    seen = replace(images(), undivided=np.arange(IMAGES) // 2)
    with pytest.raises(StopIteration):
        probed("ridge", seen, backbone())
    assert len(np.unique(given[0])) < len(given[0])


def test_optimism_is_estimated_for_the_best_of_several_heads() -> None:
    seen = images(folds=2)
    cells = [probed("knn", seen, backbone(seed)) for seed in range(4)]
    assert 0 < optimism(cells, seen) < 0.2
    assert optimism(cells[:1], seen) == 0
