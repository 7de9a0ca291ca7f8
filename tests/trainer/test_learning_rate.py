"""Schedules and the finder in real fits, on two replicas and resumed."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import resumable_runs
from helpers import classifier, replicas
from keraunos import ConfigError, Optimizer, Trainer
from keraunos.callbacks import Callback, LearningRateFinder
from resumable_runs import Sender, assert_equal, build, dataset, fit, lines, state

COSINE = {"name": "cosine", "warmup_epochs": 1}


@pytest.fixture
def cosine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers an optimizer with a schedule for `fit`."""
    made = Optimizer("sgd", learning_rate=0.1, schedule=COSINE)
    monkeypatch.setitem(resumable_runs.OPTIMIZERS, "cosine", made.build)


class Rates(Callback):
    """Keeps the learning rate of every step."""

    def reset(self) -> None:
        self.values: list[float] = []

    def on_epoch_begin(self, run: Any) -> None:
        self.values.append(run.learning_rate)

    def on_train_step_end(self, run: Any) -> None:
        self.values.append(run.learning_rate)


@pytest.mark.slow
def test_schedule_length_follows_from_the_epochs_of_the_run(
    cosine: None, tmp_path: Path
) -> None:
    rates = Rates()
    fit(tmp_path, rates, optimizer="cosine")
    first, *after = np.delete(rates.values, [5, 10])  # of the next epoch's begin
    np.testing.assert_allclose([first, *after[:3]], [0.025, 0.05, 0.075, 0.1], rtol=1e-6)
    expected = [0.05 * (1 + np.cos(np.pi * n / 8)) for n in range(9)]
    np.testing.assert_allclose(after[3:], expected, atol=1e-7)
    logged = [line["learning_rate"] for line in lines(tmp_path)]
    np.testing.assert_allclose(logged, [0.1, 0.05, 0.0], atol=1e-7)


@pytest.mark.feature("schedules")
@pytest.mark.slow
def test_interrupted_schedule_resumes_at_its_position(cosine: None, tmp_path: Path) -> None:
    options: Any = {"optimizer": "cosine"}
    fit(tmp_path / "cut", Sender("on_train_step_end", 6), **options)
    fit(tmp_path / "cut", **options)
    fit(tmp_path / "whole", **options)
    assert_equal(state(tmp_path / "cut"), state(tmp_path / "whole"))
    with pytest.raises(ConfigError, match=r"total_epochs: 3\n.*total_epochs: 5"):
        fit(tmp_path / "cut", max_epochs=5, **options)


@pytest.mark.slow
def test_accumulated_batches_count_as_one_schedule_step() -> None:
    optimizer = Optimizer("sgd", schedule=COSINE, gradient_accumulation_steps=3)
    trainer = Trainer(strategy=replicas(1), max_epochs=3)
    history = trainer.fit(build(optimizer.build), dataset()).history
    expected = [0.001, 0.0005, 0.0]
    np.testing.assert_allclose(history["learning_rate"], expected, atol=1e-9)


def test_schedule_over_data_of_unknown_length_is_refused() -> None:
    def endless(epoch: int, start_batch: int) -> Any:
        return dataset().repeat(2).filter(lambda *batch: True)

    build_cosine = build(Optimizer(schedule=COSINE).build)
    with pytest.raises(ConfigError, match="limit_train_batches"):
        Trainer(strategy=replicas(1)).fit(build_cosine, endless)


@pytest.mark.slow
def test_learning_rate_finder_restores_everything_but_the_rate(tmp_path: Path) -> None:
    finder = LearningRateFinder(smallest=1e-4, largest=10.0, num_steps=30)
    found = fit(tmp_path / "found", finder, train=dataset(), max_epochs=1)
    assert finder.suggestion is not None
    at_once = Trainer(strategy=replicas(1), max_epochs=1).fit(
        build(lambda: keras.optimizers.Adam(finder.suggestion)),
        dataset(),
        validation_data=dataset(seed=1),
    )
    assert found.history["loss"] == at_once.history["loss"]
    assert found.history["val_loss"] == at_once.history["val_loss"]
    assert (tmp_path / "found" / "learning_rate.png").exists()
    assert lines(tmp_path / "found")[0]["learning_rate"] == pytest.approx(finder.suggestion)


@pytest.mark.nightly
def test_run_with_a_learning_rate_finder_resumes_bit_identically(tmp_path: Path) -> None:
    def run(name: str, *extra: Callback) -> Any:
        finder = LearningRateFinder(smallest=1e-4, largest=10.0, num_steps=20)
        fit(tmp_path / name, finder, *extra, train=dataset())  # passes are not counted
        return finder

    first, _ = run("whole"), run("cut", Sender("on_train_step_end", 6))
    assert run("cut").suggestion == first.suggestion
    assert_equal(state(tmp_path / "cut"), state(tmp_path / "whole"))


@pytest.mark.feature("learning rate finder")
@pytest.mark.nightly
def test_learning_rate_finder_sees_the_same_losses_on_two_replicas(float64: None) -> None:
    def losses(count: int) -> list[float]:
        finder = LearningRateFinder(smallest=1e-3, largest=1.0, num_steps=15)
        trainer = Trainer(strategy=replicas(count), max_epochs=1, callbacks=[finder])
        trainer.fit(classifier(), dataset())
        return finder.losses

    np.testing.assert_allclose(losses(1), losses(2), rtol=1e-10)
