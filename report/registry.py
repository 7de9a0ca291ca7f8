"""Registry of the parts of an evaluation by their names in YAML.

To add a part, write its file in `evaluation/` (if it needs only predictions) or here (if it
runs the model), give it options in `configs/evaluation.py`, and register it here.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any

from ..configs import EvaluationConfig
from ..core.errors import ConfigError, message
from ..evaluation.finding import Evaluator
from .subject import Explainer

Part = Evaluator | Explainer


def create_parts(config: EvaluationConfig) -> dict[str, Part]:
    """Creates the parts of a configuration, by name and in the order of a report.

    Raises:
        ConfigError: A user's own part can't be imported, or rejects its arguments.

    Example:
        >>> list(create_parts(EvaluationConfig(grad_cam=None)))[:2]
        ['validation_gap', 'calibration']
    """
    made = {name: make(config) for name, make in _PARTS.items()}
    parts = {name: part for name, part in made.items() if part is not None}
    return parts | {
        label: _create_custom_part(label, options) for label, options in config.own.items()
    }


def _built_in_factory(
    module: str, name: str, field: str
) -> Callable[[EvaluationConfig], Any]:
    """Returns a factory of a class that takes the options of its section."""

    def make(config: EvaluationConfig) -> Any:
        options = getattr(config, field)
        return None if options is None else _class(module, name)(**options.model_dump())

    return make


def _class(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module, __package__), name)


def _operating_points(config: EvaluationConfig) -> Any:
    if config.operating_points is None:
        return None
    part = _class("..evaluation.decisions.operating_points", "OperatingPoints")
    return part(config.operating_points, config.groups)


def _costs(config: EvaluationConfig) -> Any:
    if config.costs is None:
        return None
    return _class("..evaluation.decisions.costs", "Costs")(config.costs)


def _grad_cam(config: EvaluationConfig) -> Any:
    part = functools.partial(
        _class(".explanations.grad_cam", "GradCam"), must_not_miss=config.must_not_miss
    )
    if config.grad_cam is not None:
        return part(**config.grad_cam.model_dump())
    # Images that must not be missed are shown even without maps.
    return part(method=None, examples_per_class=0) if config.must_not_miss else None


def _validation_gap(config: EvaluationConfig) -> Any:
    del config  # it has no options, and is always created
    return _class("..evaluation.validation_gap", "ValidationGap")()


_PARTS: dict[str, Callable[[EvaluationConfig], Any]] = {
    "validation_gap": _validation_gap,
    "calibration": _built_in_factory(
        "..evaluation.calibration.calibration", "Calibration", "calibration"
    ),
    "operating_points": _operating_points,
    "costs": _costs,
    "abstention": _built_in_factory(
        "..evaluation.abstention.abstention", "Abstention", "abstention"
    ),
    "slices": _built_in_factory("..evaluation.slices.slices", "Slices", "slices"),
    "label_doubts": _built_in_factory(".label_doubts", "DoubtfulLabels", "label_doubts"),
    "grad_cam": _grad_cam,
    "robustness": _built_in_factory(".robustness.robustness", "Robustness", "robustness"),
}


def _create_custom_part(label: str, options: dict[str, Any]) -> Part:
    arguments = dict(options)
    path = str(arguments.pop("class"))
    module, _, name = path.partition(":")
    try:
        part = getattr(importlib.import_module(module), name)(**arguments)
    except Exception as error:  # of the user's own code
        why = f"{type(error).__name__}: {error}"
        raise ConfigError(
            message(
                f"`evaluation.{label}` must name a class that can be imported and takes "
                f"these arguments ({why}).",
                "Is its folder the current folder or on PYTHONPATH?",
                **{"class": path},
                **arguments,
            )
        ) from None
    if not isinstance(part, Evaluator | Explainer):
        raise ConfigError(
            message(
                f"`evaluation.{label}` must have a method evaluate(evidence) or "
                "explain(evidence, subject).",
                **{"class": path},
            )
        )
    return part
