"""The Keras optimizers that a configuration can name, and what each can be told.

Keras itself is not asked, so that a misspelt option is found before TensorFlow is
loaded; a test holds this table against Keras.
"""

from collections.abc import Iterable
from typing import Literal, get_args

from ..core.names import did_you_mean

OptimizerName = Literal[
    "sgd",
    "rmsprop",
    "adam",
    "adamw",
    "adagrad",
    "adadelta",
    "adamax",
    "nadam",
    "adafactor",
    "ftrl",
    "lion",
    "lamb",
]

COMMON_OPTIONS = frozenset(
    {
        "weight_decay",
        "clipnorm",
        "clipvalue",
        "global_clipnorm",
        "use_ema",
        "ema_momentum",
        "ema_overwrite_frequency",
        "loss_scale_factor",
        "gradient_accumulation_steps",
    }
)
_ADAM = {"beta_1", "beta_2", "epsilon"}
OWN_OPTIONS: dict[str, set[str]] = {
    "sgd": {"momentum", "nesterov"},
    "rmsprop": {"rho", "momentum", "epsilon", "centered"},
    "adam": {*_ADAM, "amsgrad"},
    "adamw": {*_ADAM, "amsgrad"},
    "adagrad": {"initial_accumulator_value", "epsilon"},
    "adadelta": {"rho", "epsilon"},
    "adamax": _ADAM,
    "nadam": _ADAM,
    "adafactor": {
        "beta_2_decay",
        "epsilon_1",
        "epsilon_2",
        "clip_threshold",
        "relative_step",
    },
    "ftrl": {
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
        "l2_regularization_strength",
        "l2_shrinkage_regularization_strength",
        "beta",
    },
    "lion": {"beta_1", "beta_2"},
    "lamb": _ADAM,
}


def optimizer_names() -> tuple[str, ...]:
    """The names that `optimizer.name` takes."""
    return get_args(OptimizerName)


def unknown_options(name: str, options: Iterable[str]) -> str:
    """Says which of `options` the optimizer `name` does not have, or nothing."""
    known = COMMON_OPTIONS | OWN_OPTIONS[name]
    words = []
    for option in sorted(set(options) - known):
        guess = did_you_mean(option, known) or f"it takes {', '.join(sorted(known))}"
        words.append(f"{name} has no option `{option}` ({guess})")
    return "; ".join(words)
