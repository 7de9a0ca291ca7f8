import math

import pytest
from keraunos.callbacks.monitor import Monitor
from keraunos.core.errors import ConfigError

MIN = ["loss", "val_loss", "mae", "val_mse", "kl_divergence", "mean_absolute_error"]
MIN += ["score_loss", "precision_error"]  # of outputs with such names
MAX = [
    "val_f1_score_glossy",  # of a class
    "accuracy",
    "val_balanced_accuracy",
    "auc",
    "precision_at_recall",
    "val_macro_f1",
    "r2_score",
]


@pytest.mark.parametrize(
    ("name", "mode"), [(name, "min") for name in MIN] + [(name, "max") for name in MAX]
)
def test_auto_mode_infers_the_direction_from_the_metric_name(name, mode):
    assert Monitor(name).mode == mode


def test_ambiguous_metric_name_requires_a_mode():
    with pytest.raises(ConfigError, match=r"Received: monitor='val_hinge'.*mode=min or"):
        Monitor("val_hinge")
    with pytest.raises(ConfigError, match=r"`objective`.*objective='val_hinge'"):
        Monitor("val_hinge", setting="objective")
    assert Monitor("val_hinge", "min").mode == "min"
    with pytest.raises(ConfigError, match=r"`mode` must be auto, min or max.*'smallest'"):
        Monitor("val_loss", "smallest")


def test_missing_metric_error_lists_the_available_metrics():
    with pytest.raises(
        ConfigError,
        match=r"one of loss, accuracy, val_accuracy\. Received: monitor='val_accurcy'\. "
        r"Did you mean val_accuracy\?",
    ):
        Monitor("val_accurcy").value({"loss": 1.0, "accuracy": 0.5, "val_accuracy": 0.4})


@pytest.mark.parametrize(
    ("mode", "value", "than", "better"),
    [
        ("min", 0.89, 1.0, True),
        ("min", 0.95, 1.0, False),
        ("min", 1.2, 1.0, False),
        ("max", 1.11, 1.0, True),
        ("max", 1.05, 1.0, False),
        ("max", 0.8, 1.0, False),
        ("min", math.nan, 1.0, False),
        ("max", math.nan, 1.0, False),
        ("min", 7.0, None, True),
        ("max", math.nan, None, False),
    ],
)
def test_improvement_must_exceed_min_delta_and_nan_never_improves(
    mode, value, than, better
):
    assert Monitor("kappa", mode, min_delta=0.1).is_better(value, than) is better
