"""Arguments of other frameworks are answered with what to write instead."""

import inspect
from typing import Any

import keras
import pytest
import tensorflow as tf
from keraunos import ConfigError, Trainer
from keraunos.trainer.guards.keras_arguments import explains_keras_arguments

DATA = tf.data.Dataset.from_tensors((tf.zeros((2, 5)), tf.zeros(2)))


def parameters(method: Any) -> set[str]:
    return set(inspect.signature(method).parameters) - {"self", "kwargs"}


@pytest.mark.parametrize("name", ["fit", "evaluate", "predict"])
def test_every_keras_argument_is_accepted_or_explained(name: str) -> None:
    method = {"fit": Trainer.fit, "evaluate": Trainer.test, "predict": Trainer.predict}[
        name
    ]
    for argument in parameters(getattr(keras.Model, name)) - parameters(method):
        with pytest.raises(ConfigError, match=rf"takes no {argument}\..*arguments=\["):
            method(Trainer(), print, DATA, **{argument: 1})


def test_all_unsupported_arguments_are_explained_in_one_error() -> None:
    with pytest.raises(ConfigError, match=r"no epochs, verbose\..*max_epochs=.*progress"):
        Trainer().fit(print, DATA, epochs=3, verbose=0)  # type: ignore[call-arg]


def test_lightning_arguments_are_explained() -> None:
    with pytest.raises(ConfigError, match=r"test` takes no ckpt_path.*test\(\"RUN"):
        Trainer().test(print, DATA, ckpt_path="best")  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match=r"`Trainer.fit` takes no ckpt_path.*run_dir="):
        Trainer().fit(print, DATA, ckpt_path="last")  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match=r"val_dataloaders.*Write validation_data="):
        Trainer().fit(print, DATA, val_dataloaders=DATA)  # type: ignore[call-arg]


def test_positional_arrays_and_validation_data_are_explained() -> None:
    for third in (tf.zeros((2, 5)), DATA):
        with pytest.raises(
            ConfigError, match=r"2 positional.*from_tensor_slices.*validati"
        ):
            Trainer().fit(print, DATA, third)  # type: ignore[call-arg, misc]


def test_unknown_argument_still_raises_type_error() -> None:
    with pytest.raises(TypeError, match="validation_dat"):
        Trainer().fit(print, DATA, validation_dat=DATA)  # type: ignore[call-arg]


def test_decorated_method_keeps_its_signature_and_docstring() -> None:
    def add(self: Any, first: int, second: int = 1) -> int:
        """Adds."""
        return first + second

    explained = explains_keras_arguments(add)
    assert (explained(None, 2, second=3), explained.__doc__) == (5, "Adds.")
    assert inspect.signature(explained) == inspect.signature(add)
