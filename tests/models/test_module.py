import keras
import numpy as np
import pytest
from helpers import classifier, examples, replicas, weights_of
from keraunos import Trainer
from keraunos.core.errors import ConfigError
from keraunos.models import FunctionModule, Module, as_module
from keraunos.models.module import count_parameters
from tensorflow import data


class Line(Module):
    def build(self):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)], name="line")
        model.compile("sgd", loss="mse")
        return model


def test_module_is_returned_unchanged():
    module = Line()
    assert as_module(module) is module


def test_function_is_called_only_when_the_model_is_built():
    calls = []

    def build():
        calls.append(1)
        return classifier()()

    module = as_module(build)
    assert isinstance(module, FunctionModule)
    assert not calls
    assert isinstance(module.build(), keras.Model)
    assert len(calls) == 1


def test_built_model_is_rejected_with_a_remedy():
    with pytest.raises(ConfigError, match=r"module='Sequential'.*into a function"):
        as_module(classifier()())


@pytest.mark.parametrize("value", [None, 3, "my_models:build"])
def test_value_that_is_neither_module_nor_function_is_rejected(value):
    with pytest.raises(ConfigError, match=f"must be a Module or a function.*{value!r}"):
        as_module(value)


@pytest.mark.parametrize(
    ("method", "remedy"),
    [
        ("configure_optimizers", "the optimizer goes into `compile`."),
        ("validation_step", "calls `training_step` with training=False."),
        ("test_step", "Trainer.test calls `training_step` with training=False"),
        ("predict_step", "Trainer.predict calls the model that `build` returns."),
        ("train_dataloader", "Pass the dataset to the method of the Trainer"),
        ("forward", "called in `training_step` as model(inputs)."),
        ("on_train_epoch_end", "Hooks belong to a kr.callbacks.Callback"),
    ],
)
def test_methods_that_only_lightning_calls_are_rejected(method, remedy):
    module = type("Digits", (Line,), {method: lambda self, *given: None})()
    with pytest.raises(ConfigError) as error:
        as_module(module)
    assert f"Received: module='Digits', methods='{method}'." in str(error.value)
    assert remedy in str(error.value)


def test_error_of_a_module_without_build_names_its_class():
    class Empty(Module):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define build\(\)"):
        Empty().build()


def uncompiled():
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)], name="plain")


def without_a_loss():
    model = uncompiled()
    model.compile("sgd")
    return model


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: None, "must return a keras.Model.*returned='NoneType'.*return model"),
        (Line, "must return a keras.Model.*returned='Line'"),
        (uncompiled, r"must be compiled.*model='plain'.*model.compile\(optimizer, loss\)"),
        (without_a_loss, "compiled with a loss.*Module.training_step"),
    ],
)
def test_function_that_does_not_return_a_compiled_model_is_rejected(build, words):
    dataset = data.Dataset.from_tensor_slices(examples(5)[:2]).batch(2)
    with pytest.raises(ConfigError, match=words):
        Trainer(strategy=replicas(1), callbacks=[]).fit(build, dataset)


def test_prepare_does_nothing_unless_it_is_overridden():
    module, called = Line(), []
    model = module.build()
    before = weights_of(model)
    module.prepare(model, called.append)
    assert not called
    np.testing.assert_equal(weights_of(model), before)


def test_total_and_trainable_parameters_are_counted():
    model = Line().build()
    assert count_parameters(model) == "3 parameters, 3 trainable"
    model.trainable = False
    assert count_parameters(model) == "3 parameters, 0 trainable"
    assert Line().describe(model) == "line: 3 parameters, 0 trainable"
