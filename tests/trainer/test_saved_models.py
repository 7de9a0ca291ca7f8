"""The files of a run serve to test, to predict and to start new runs."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import classifier, contents, examples, largest_difference, replicas, weights_of
from keraunos import CheckpointError, ConfigError, Trainer
from keraunos.strategies import ALONE
from keraunos.trainer.setup.initial_weights import load_initial_weights

CALLBACKS = {"progress_bar": None, "tensorboard": None, "figures": None}


def dataset() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(examples(13)[:2]).batch(4)


def adam() -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(0.05, gradient_accumulation_steps=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs whose model is kept compiled."""
    directory = tmp_path_factory.mktemp("runs") / "first"
    trainer = Trainer(
        strategy=replicas(1),
        max_epochs=2,
        run_dir=directory,
        export="compiled",
        callbacks=CALLBACKS,
    )
    trainer.fit(classifier(adam), dataset())
    return directory


@pytest.mark.slow
def test_exported_compiled_model_keeps_its_optimizer(run: Path) -> None:
    model = keras.models.load_model(run / "model.keras")
    assert model.compiled
    assert model.optimizer.gradient_accumulation_steps == 2
    assert int(model.optimizer.iterations.numpy()) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.keras", pytest.param("", marks=pytest.mark.slow)])
def test_paths_of_files_and_runs_score_like_the_loaded_model(run: Path, name: str) -> None:
    path, trainer = run / name, Trainer(strategy=replicas(1))
    model = keras.models.load_model(run / "model.keras")
    expected = model.evaluate(dataset(), return_dict=True, verbose=0)
    assert trainer.test(path, dataset()).scores == pytest.approx(expected, 1e-5)
    assert trainer.validate(str(path), dataset()) == pytest.approx(expected, 1e-5)
    predictions = trainer.predict(path, dataset())
    np.testing.assert_allclose(predictions, model(examples(13)[0]), rtol=1e-5)


def test_paths_and_values_that_are_not_models_are_refused(
    run: Path, tmp_path: Path
) -> None:
    (tmp_path / "damaged.keras").write_text("x")
    trainer = Trainer()
    with pytest.raises(CheckpointError, match=r"Keras can load.*damaged\.keras"):
        trainer.predict(tmp_path / "damaged.keras", dataset())
    with pytest.raises(ConfigError, match=r"\.keras file, or a run.*none\.keras"):
        trainer.predict(tmp_path / "none.keras", dataset())
    with pytest.raises(ConfigError, match=r"model='function'.*result\.model"):
        trainer.predict(classifier(), dataset())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "checkpoints/step-00000008", "model.keras"])
def test_initial_weights_load_weights_but_no_optimizer_state(run: Path, name: str) -> None:
    with replicas(2).scope():
        model = classifier(adam)()
        model.optimizer.build(model.trainable_variables)
    load_initial_weights(model, run / name, ALONE)
    trained = weights_of(keras.models.load_model(run / "model.keras"))
    assert largest_difference(weights_of(model), trained) == 0
    assert int(model.optimizer.iterations.numpy()) == 0


def test_missing_or_mismatched_initial_weights_are_refused(
    run: Path, tmp_path: Path
) -> None:
    model = classifier(adam, classes=4)()
    for name in ("", "model.keras"):
        with pytest.raises(ConfigError, match="model with the same layers"):
            load_initial_weights(model, run / name, ALONE)
    with pytest.raises(ConfigError, match=r"a run, one of its checkpoints, or a .keras"):
        load_initial_weights(model, tmp_path / "none", ALONE)
    (tmp_path / "damaged.keras").write_text("x")
    with pytest.raises((CheckpointError, ConfigError), match="initial_weights"):
        load_initial_weights(model, tmp_path / "damaged.keras", ALONE)


@pytest.mark.nightly
def test_run_with_initial_weights_resumes_without_changing_their_source(
    run: Path, tmp_path: Path
) -> None:
    before = contents(run)

    def fitted(epochs: int, directory: Path, **options: Path) -> list[float]:
        trainer = Trainer(
            strategy=replicas(1), max_epochs=epochs, run_dir=directory, callbacks=CALLBACKS
        )
        return trainer.fit(classifier(adam), dataset(), **options).history["loss"]

    begun = fitted(1, tmp_path / "second", initial_weights=run)
    resumed = fitted(2, tmp_path / "second", initial_weights=run)
    assert resumed[:1] == begun
    assert resumed == fitted(2, tmp_path / "whole", initial_weights=run)
    assert begun[0] < fitted(1, tmp_path / "third")[0]
    with pytest.raises(ConfigError, match=r"\+ initial_weights: None"):
        fitted(3, tmp_path / "second")
    assert contents(run) == before
