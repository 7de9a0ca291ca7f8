from pathlib import Path
from types import SimpleNamespace

import pytest
import tensorflow as tf
from heard_events import Heard
from helpers import examples
from keraunos.core.errors import ConfigError
from keraunos.strategies.tensorflow_internals import preserved_global_seed
from keraunos.trainer.guards.unseeded_shuffles import require_shared_order
from keraunos.trainer.setup.datasets import as_source
from resumable_runs import Sender, fit, shuffled
from tensorflow.python.eager import context

WORDS = "repeats some examples and misses others"


def unseeded() -> tf.data.Dataset:
    with preserved_global_seed():
        context.set_global_seed(None)
        return tf.data.Dataset.from_tensor_slices(examples(14)).shuffle(14).batch(4)


def about_order(lines: list[str]) -> list[str]:
    return [line for line in lines if WORDS in line]


def test_unseeded_shuffle_is_reported_before_training_starts(tmp_path: Path) -> None:
    (line,) = about_order(fit(tmp_path / "run", describe_only=True, train=unseeded()))
    assert line.startswith("data: in random order")
    assert "Write shuffle(..., seed=0)" in line
    assert not about_order(fit(tmp_path / "run", describe_only=True))


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
def test_a_resumed_epoch_in_another_order_is_reported(tmp_path: Path, count: int) -> None:
    fit(tmp_path, Sender("on_train_step_end", 5), count=count, train=unseeded())
    lines = fit(tmp_path, count=count, train=unseeded(), describe_only=True)
    (line,) = about_order(lines)
    assert line.startswith(f"data: the rest of epoch 2 {WORDS}")
    heard = Heard()
    fit(tmp_path, heard, count=count, train=unseeded())
    (text,) = [each.text for each in heard.events if each.kind == "resumed"]
    assert f"the rest of epoch 2 {WORDS}" in text


def test_multiple_workers_require_a_shared_shuffle_order() -> None:
    two, random = SimpleNamespace(count=2), as_source(unseeded(), "data")
    function = as_source(lambda epoch, start_batch: unseeded(), "data")
    seeded = as_source(shuffled(), "data")
    with pytest.raises(ConfigError, match=r"same order.*Received: data='in random order'"):
        require_shared_order(two, data=random, validation_data=seeded)
    with pytest.raises(ConfigError, match=r"data='in random order', validation_data='in r"):
        require_shared_order(two, data=function, validation_data=random)
    require_shared_order(two, data=seeded, validation_data=None)
    require_shared_order(SimpleNamespace(count=1), data=random)
