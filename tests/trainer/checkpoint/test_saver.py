"""When checkpoints and frozen variables are written."""

import time
from pathlib import Path
from typing import Any

import keras
import keraunos as kr
import pytest
import tensorflow as tf
from helpers import examples
from keraunos.callbacks import Callback, RunState
from keraunos.core.errors import CheckpointError
from keraunos.core.run_layout import CHECKPOINTS_FOLDER, FROZEN_FOLDER

SECONDS = 30


class WaitsForFrozen(Callback):
    """Waits in the first step until the frozen variables are written."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def on_train_step_end(self, run: RunState) -> None:
        assert run.checkpoint_dir is not None
        deadline = time.monotonic() + SECONDS
        while run.step == 1 and time.monotonic() < deadline and not self.found:
            folder = run.checkpoint_dir
            self.found = [file.parent.name for file in folder.glob("*/manifest.json")]


def build() -> keras.Model:
    frozen = keras.layers.Dense(4, activation="relu", trainable=False)
    model = keras.Sequential([keras.Input((5,)), frozen, keras.layers.Dense(3)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def fit(run_dir: Path, **callbacks: Any) -> None:
    inputs, labels, _ = examples(8)
    data = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(4)
    settings = {"progress_bar": None, **callbacks}
    kr.Trainer(max_epochs=1, run_dir=run_dir, callbacks=settings).fit(build, data)


def test_frozen_variables_are_written_while_the_first_epoch_trains(tmp_path: Path) -> None:
    waits = WaitsForFrozen()
    fit(tmp_path / "run", waits=waits)
    written = {each.name for each in (tmp_path / "run" / CHECKPOINTS_FOLDER).iterdir()}
    assert FROZEN_FOLDER in written
    assert len(written) > 1
    assert waits.found == [FROZEN_FOLDER]  # no checkpoint yet


def test_run_without_checkpoints_writes_no_frozen_variables(tmp_path: Path) -> None:
    fit(tmp_path / "run", model_checkpoint=None)
    assert not (tmp_path / "run" / CHECKPOINTS_FOLDER / FROZEN_FOLDER).exists()


def test_failure_to_write_frozen_variables_ends_the_run(tmp_path: Path) -> None:
    class Blocks(Callback):
        def on_fit_begin(self, run: RunState) -> None:
            assert run.checkpoint_dir is not None
            if run.checkpoint_dir.exists():
                run.checkpoint_dir.rmdir()
            run.checkpoint_dir.write_text("in the way")

    with pytest.raises(CheckpointError, match=FROZEN_FOLDER):
        fit(tmp_path / "run", blocks=Blocks())
