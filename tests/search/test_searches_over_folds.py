"""Searches over folds of images, trained for real on a small network."""

import csv
import json
import signal

import hypermodels
import keras
import keraunos as kr
import numpy as np
import pytest
from helpers import make_images, replicas, with_other_validation
from keraunos.cli.main import main
from keraunos.core.errors import ConfigError
from keraunos.core.faults import VARIABLE
from keraunos.features.cache import FeatureCache
from programs import fork_keraunos
from small_backbone import tiny_network

IMAGES = 27
FOLDS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images of three classes, with a tiny network in place of MobileNetV2."""
    root = tmp_path_factory.mktemp("images")
    make_images(root / "train", {"cat": 12, "dog": 9, "emu": 6})
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(keras.applications, "MobileNetV2", tiny_network)
        yield root


@pytest.fixture
def backbone_passes(monkeypatch):
    """Numbers of images that passed a backbone whose features are cached."""
    counted = []
    outputs = FeatureCache._outputs

    def count(*arguments):
        for features in outputs(*arguments):
            counted.append(len(features))
            yield features

    monkeypatch.setattr(FeatureCache, "_outputs", count)
    return counted


def read_data(folder, cache, **more):
    return kr.ImageData.from_folder(
        folder / "train", image_size=32, batch_size=7, cache_dir=cache, **more
    )


def module_for(data, **options):
    return kr.TransferClassifier(
        3,
        image_size=32,
        backbone="MobileNetV2",
        weights=None,
        class_counts=data.train.class_counts,
        optimizer=kr.Optimizer(learning_rate=0.05),
        **options,
    )


def fit(data, epochs=1, **options):
    trainer = kr.Trainer(
        strategy=replicas(1), callbacks=[], max_epochs=epochs, seed=4, feature_cache="on"
    )
    return trainer.fit(module_for(data, **options), data)


@pytest.mark.nightly
def test_each_image_passes_the_backbone_once_for_all_folds_and_trials(
    folder, tmp_path, backbone_passes
):
    data = read_data(folder, tmp_path / "cache", augmentation=kr.Augmentation(strength=0))
    for dropout in (0.1, 0.4):
        for number in range(1, FOLDS + 1):
            fit(data.fold(number, FOLDS), dropout=dropout)
        assert sum(backbone_passes) == IMAGES


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("balance", "augmentation", "options"),
    [
        ("weights", {"views": 2}, {"standardize_features": True}),
        ("sampling", {"views": 2}, {"standardize_features": True}),
        ("none", {"views": 2, "mixup": 0.4}, {"standardize_features": True}),
        ("none", {"views": 2, "cutmix": 0.5}, {"loss": "class_balanced"}),
        ("none", {"strength": 0}, {"loss": "logit_adjusted"}),
    ],
)
def test_validation_fold_does_not_affect_trained_weights(
    folder, tmp_path, balance, augmentation, options
):
    """Weights stay bit-identical with noise and other labels in its place."""
    varied = kr.Augmentation(**augmentation)
    results = []
    # Features are kept by the bytes of files: each run has its own cache.
    for cache, change in (("a", lambda fold: fold), ("b", with_other_validation)):
        data = read_data(
            folder, tmp_path / cache, class_balance=balance, augmentation=varied
        )
        results.append(fit(change(data.fold(2, FOLDS)), epochs=2, **options))
    ours, theirs = results
    # The backbone comes first: if it differs, so did the random numbers of the two fits.
    for one, other in zip(ours.model.weights, theirs.model.weights, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)
    assert ours.history["loss"] == theirs.history["loss"]
    assert ours.history["val_loss"] != theirs.history["val_loss"]


SETTINGS = (
    "data.image_size=32",
    "data.batch_size=7",
    "model.backbone=MobileNetV2",
    "model.weights=null",
    "augmentation.views=1",
    "trainer.max_epochs=2",
    "trainer.devices=1",
    "search.tuner=random",
    "search.max_trials=2",
    f"search.folds={FOLDS}",
    "run_dir=S",
)


def rows(folder):
    with open(folder / "results.csv", newline="") as file:
        found = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k != "seconds"} for row in found]


@pytest.fixture
def run_command(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capsys.readouterr()
        return main(list(map(str, arguments))), capsys.readouterr()

    return run


@pytest.mark.nightly
def test_search_over_folds_ends_with_an_ensemble_of_fold_models(
    folder, tmp_path, run_command, backbone_passes
):
    given = ("search", "classify", f"data.train={folder / 'train'}", "cache_dir=cache")
    code, said = run_command(*given, *SETTINGS)
    assert code == 0, said.err
    assert f"folds: {FOLDS}; scores are mean +- standard error over folds" in said.err
    assert " +- " in said.out
    found = rows(tmp_path / "S")
    for row in found:
        scores = [float(row[f"fold_{number}"]) for number in range(1, FOLDS + 1)]
        assert float(row["val_balanced_accuracy"]) == pytest.approx(np.mean(scores))
    strengths = {row["augmentation.strength"] for row in found}
    plain = IMAGES * ("0" not in strengths and "0.0" not in strengths)
    assert sum(backbone_passes) == IMAGES * len(strengths) + plain
    (models,) = {each.parent.parent for each in (tmp_path / "S").rglob("model.keras")}
    assert len(list(models.glob("fold-*/model.keras"))) == FOLDS
    held_out = [
        {r["path"] for r in csv.DictReader(file.open()) if r["split"] == "validation"}
        for file in sorted(models.glob("fold-*/split.csv"))
    ]
    assert sum(map(len, held_out)) == len(set.union(*held_out)) == IMAGES
    code, said = run_command(
        "predict", models, folder / "train" / "cat", "--output", "p.csv"
    )
    assert code == 0, said.err
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 13
    sessions = list((tmp_path / "S").glob("*/*/tensorboard/events.out.*"))
    assert not sessions
    assert len(list((tmp_path / "S").glob("trial-*/tensorboard/events.out.*"))) == 2
    code, _ = run_command(*given, *SETTINGS)  # nothing is left to do
    assert code == 0
    assert rows(tmp_path / "S") == found


@pytest.mark.nightly
def test_outer_folds_and_refits_reuse_cached_features(
    folder, tmp_path, run_command, backbone_passes
):
    code, said = run_command(
        *("search", "classify", f"data.train={folder / 'train'}", "cache_dir=cache"),
        *(each for each in SETTINGS if not each.startswith("search.folds")),
        "augmentation.strength=0",
        "search.space={model.dropout: {choice: [0.1, 0.3]}}",
        "search.folds=2",
        "search.outer_folds=2",
        "search.finish=refit",
    )
    assert code == 0, said.err
    assert sum(backbone_passes) == IMAGES
    for part in (1, 2):
        assert (tmp_path / "S" / f"outer-{part}" / "refit" / "test.json").exists()
    assert (tmp_path / "S" / "refit" / "model.keras").exists()
    board = tmp_path / "S" / "refit" / "tensorboard"
    assert not list(board.glob("events.out.*"))  # no row of HParams
    assert list(board.glob("events/events.out.*"))


@pytest.mark.nightly
@pytest.mark.parametrize("point", ["before-fold-is-noted:2", "before-manifest:5"])
def test_search_killed_amid_its_folds_resumes_with_the_same_results(
    folder, tmp_path, point
):
    results = []
    for name in ("whole", "killed"):
        run = tmp_path / name
        run.mkdir()
        given = ("search", "classify", f"data.train={folder / 'train'}", "cache_dir=cache")
        with pytest.MonkeyPatch.context() as monkeypatch:
            if name == "killed":
                monkeypatch.setenv(VARIABLE, point)
                assert (
                    fork_keraunos(*given, *SETTINGS, cwd=run).returncode == -signal.SIGKILL
                )
                monkeypatch.delenv(VARIABLE)
            done = fork_keraunos(*given, *SETTINGS, cwd=run)
        assert done.returncode == 0, done.stderr
        results.append(rows(run / "S"))
    assert results[0] == results[1]


@pytest.mark.nightly
def test_parallel_trials_train_all_folds(folder, tmp_path):
    given = ("search", "classify", f"data.train={folder / 'train'}", "cache_dir=cache")
    more = ("--parallel-trials", "2")
    done = fork_keraunos(*given, *SETTINGS, *more, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = rows(tmp_path / "S")
    assert [row["folds"] for row in found] == [str(FOLDS)] * 2
    assert {row["status"] for row in found} == {"completed"}


def build(hp):
    layers = [
        keras.Input((32, 32, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, "softmax"),
    ]
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    return hypermodels.compiled(keras.Sequential(layers), rate)


@pytest.mark.nightly
def test_hypermodel_is_searched_over_folds_of_images(folder, tmp_path):
    data = read_data(folder, tmp_path / "cache")
    search = hypermodels.search(tmp_path / "s", build=build, max_trials=2, folds=FOLDS)
    lines = []
    result = search.run(data, notify=lines.append)
    assert [len(trial.fold_scores) for trial in result.trials] == [FOLDS] * 2
    chosen = json.loads((result.run_dir / "chosen.json").read_text())
    assert chosen["corrected_score"] == result.corrected_score
    assert lines[0] == "search: random, at most 2 trials, 1 at a time"
    assert lines[1] == "folds: 3; scores are mean +- standard error over folds"
    assert f"corrected for selection: {result.corrected_score:.4f}" in "\n".join(lines)
    assert lines[-2].startswith("to report: nothing yet")
    trial = result.run_dir / result.best[0].name
    model = keras.models.load_model(trial / "fold-2" / "model.keras")
    lines = (trial / "fold-2" / "metrics.jsonl").read_text().splitlines()
    best = min(json.loads(line)["val_loss"] for line in lines)
    assert best == result.best[0].fold_scores[1]
    batches = data.fold(2, FOLDS).validation
    images, labels = batches.images(np.arange(batches.num_examples)), batches.labels
    model.compile(loss="sparse_categorical_crossentropy")
    loss = model.evaluate(images.astype("float32"), labels, verbose=0)
    assert loss == pytest.approx(best, rel=1e-4)
    members = [
        keras.models.load_model(trial / f"fold-{number}" / "model.keras", compile=False)
        for number in range(1, FOLDS + 1)
    ]
    mean = np.mean([each.predict(images, verbose=0) for each in members], axis=0)
    np.testing.assert_allclose(result.load_model().predict(images, verbose=0), mean, 1e-5)


def test_folds_of_non_image_data_are_rejected(tmp_path):
    search = hypermodels.search(tmp_path / "s", folds=3)
    with pytest.raises(ConfigError, match="`data` must be ImageData"):
        search.run(hypermodels.train, validation_data=hypermodels.validation)
    assert not (tmp_path / "s").exists()
