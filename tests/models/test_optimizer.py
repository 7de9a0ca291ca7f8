import keras
import pytest
from keraunos.configs.optimizer import optimizer_names
from keraunos.core.errors import ConfigError
from keraunos.models import Optimizer
from keraunos.models.optimizer import optimizer_class


@pytest.mark.parametrize("name", optimizer_names())
def test_every_name_creates_a_keras_optimizer_with_the_learning_rate(name):
    made = Optimizer(name, learning_rate=0.025, global_clipnorm=1.5).build()
    assert type(made).__module__.startswith("keras.")
    assert type(made).__name__.lower() == name
    assert float(made.learning_rate) == pytest.approx(0.025)
    assert made.global_clipnorm == 1.5


def test_options_have_their_keras_names():
    made = Optimizer(
        "sgd", momentum=0.9, nesterov=True, gradient_accumulation_steps=4
    ).build()
    assert (made.momentum, made.nesterov, made.gradient_accumulation_steps) == (
        0.9,
        True,
        4,
    )
    assert isinstance(Optimizer().build(), keras.optimizers.Adam)


def test_each_build_makes_a_new_optimizer():
    optimizer = Optimizer("adam")
    assert optimizer.build() is not optimizer.build()


@pytest.mark.parametrize(("name", "meant"), [("adamm", "adam"), ("rmsporp", "rmsprop")])
def test_wrong_optimizer_name_suggests_the_closest(name, meant):
    with pytest.raises(
        ConfigError, match=f"`optimizer.name` must be one of.*Did you mean {meant}\\?"
    ):
        Optimizer(name)


def test_all_wrong_options_are_reported_at_once_with_suggestions():
    with pytest.raises(ConfigError) as error:
        Optimizer("sgd", momentun=0.9, beta_1=0.9, weight_deacy=0.1)
    words = str(error.value)
    assert "`momentun` (Did you mean momentum?)" in words
    assert "`weight_deacy` (Did you mean weight_decay?)" in words
    assert "`beta_1` (it takes clipnorm" in words


def test_invalid_learning_rate_is_rejected_before_building():
    with pytest.raises(ConfigError, match=r"`optimizer.learning_rate` must be .*-1"):
        Optimizer("adam", learning_rate=-1.0)


def test_value_rejected_by_keras_is_a_configuration_error():
    with pytest.raises(ConfigError, match=r"`optimizer` is rejected by Keras: .*clip"):
        Optimizer("adam", clipnorm=1.0, clipvalue=1.0).build()


def test_classes_are_found_by_their_lower_case_names():
    assert optimizer_class("adamw") is keras.optimizers.AdamW
