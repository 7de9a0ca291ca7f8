"""Explains the equivalents of `Model.fit` arguments that the Trainer takes elsewhere."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from ...core.errors import ConfigError, message

Arguments = ParamSpec("Arguments")
Self = TypeVar("Self")
Result = TypeVar("Result")

_ARRAYS = "tf.data.Dataset.from_tensor_slices((x, y)).batch(32)"
_INSTEAD = {
    "batch_size": "Write dataset.batch(...), over all replicas together.",
    "callbacks": "Write Trainer(callbacks=[...]).",
    "ckpt_path": "Write Trainer(run_dir=...) to resume the run in that directory, or "
    "initial_weights=... to start a new run with the weights of another.",
    "epochs": "Write Trainer(max_epochs=...).",
    "initial_epoch": "Write Trainer(run_dir=...): a run resumes where its newest "
    "checkpoint was taken.",
    "max_queue_size": "Write dataset.prefetch(...).",
    "return_dict": "Leave it out: values are returned by name.",
    "sample_weight": "Make the elements of the dataset (x, y, sample_weight).",
    "shuffle": "Write dataset.shuffle(...).",
    "steps": "Write Trainer(limit_val_batches=...), or dataset.take(...).",
    "steps_per_epoch": "Write Trainer(limit_train_batches=...), and dataset.repeat() for "
    "epochs that continue where the last one ended.",
    "use_multiprocessing": "Leave it out: tf.data reads in parallel on its own.",
    "validation_batch_size": "Write validation_data.batch(...).",
    "validation_freq": "Write Trainer(validate_every_n_epochs=...).",
    "validation_split": "Write validation_data=..., a dataset of its own.",
    "validation_steps": "Write Trainer(limit_val_batches=...).",
    "verbose": 'Write Trainer(callbacks={"progress_bar": None}) for none.',
    "workers": "Leave it out: tf.data reads in parallel on its own.",
    "x": f"Pass a dataset as a positional argument: {_ARRAYS}.",
    "y": f"Make the elements of the dataset pairs: {_ARRAYS}.",
}


def explains_keras_arguments(
    method: Callable[Concatenate[Self, Arguments], Result],
) -> Callable[Concatenate[Self, Arguments], Result]:
    """Decorates a method of the Trainer.

    Raises:
        ConfigError: It is called with arguments that only the method of Keras has.
    """
    parameters = inspect.signature(method).parameters
    positional = [p for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD][1:]

    @functools.wraps(method)
    def checked(
        self: Self, *arguments: Arguments.args, **options: Arguments.kwargs
    ) -> Result:
        _refuse_of_keras(method.__name__, set(options) - set(parameters))
        _refuse_positional(method.__name__, arguments, len(positional))
        return method(self, *arguments, **options)

    return cast(Callable[Concatenate[Self, Arguments], Result], checked)


def _refuse_of_keras(method: str, unknown: set[str]) -> None:
    known = sorted(unknown & set(_INSTEAD))
    if known:
        raise ConfigError(
            message(
                f"`Trainer.{method}` takes no {', '.join(known)}.",
                " ".join(_INSTEAD[name] for name in known),
                arguments=known,
            )
        )


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
