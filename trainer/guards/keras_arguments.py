"""Explains the equivalents of arguments known from `Model.fit` and Lightning."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from ...configs.familiar_arguments import INSTEAD
from ...core.errors import ConfigError, message, suggesting_arguments

Arguments = ParamSpec("Arguments")
Self = TypeVar("Self")
Result = TypeVar("Result")

_ARRAYS = "tf.data.Dataset.from_tensor_slices((x, y)).batch(32)"


def explains_keras_arguments(
    method: Callable[Concatenate[Self, Arguments], Result],
) -> Callable[Concatenate[Self, Arguments], Result]:
    """Decorates a method of the Trainer to explain arguments of Keras and Lightning.

    Errors that suggest settings name them as arguments.

    Raises:
        ConfigError: The method is called with an argument that only Keras or Lightning
            has, or with too many positional arguments.
    """
    parameters = inspect.signature(method).parameters
    positional = [p for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD][1:]

    @functools.wraps(method)
    def checked(
        self: Self, *arguments: Arguments.args, **options: Arguments.kwargs
    ) -> Result:
        _refuse_keras_arguments(method.__name__, set(options) - set(parameters))
        _refuse_positional(method.__name__, arguments, len(positional))
        with suggesting_arguments():
            return method(self, *arguments, **options)

    return cast(Callable[Concatenate[Self, Arguments], Result], checked)


def _refuse_keras_arguments(method: str, unknown: set[str]) -> None:
    known = sorted(unknown & set(INSTEAD))
    if known:
        raise ConfigError(
            message(
                f"`Trainer.{method}` takes no {', '.join(known)}.",
                " ".join(dict.fromkeys(_replacement(method, name) for name in known)),
                arguments=known,
            )
        )


def _replacement(method: str, name: str) -> str:
    if name == "ckpt_path" and method != "fit":
        return f'Write trainer.{method}("RUN", data), with a run or a .keras file.'
    return INSTEAD[name]


def _refuse_positional(method: str, arguments: tuple[Any, ...], allowed: int) -> None:
    if len(arguments) > allowed:
        raise ConfigError(
            message(
                f"`Trainer.{method}` takes {allowed} positional arguments.",
                f"Turn arrays into a dataset: {_ARRAYS}. Pass everything else by name: "
                "validation_data=dataset.",
                arguments=[type(each).__name__ for each in arguments],
            )
        )
