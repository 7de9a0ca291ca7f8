"""Trains a configuration for a few steps and reports the speed, in its own process.

    python -m keraunos.cli.batch_size_child CONFIG... [KEY=VALUE...]

Writes nothing except decoded images to the cache that all runs share.
"""

import json
import sys
from collections.abc import Sequence

from ..core.console import notify, show
from ..core.errors import DataError, KeraunosError, message
from .commands.fit import read_arguments
from .tensorflow import load_tensorflow

STEPS = 4


def measure(arguments: Sequence[str]) -> dict[str, float]:
    """Trains two short epochs, and returns the speed of the second.

    Args:
        arguments: The arguments of `keraunos fit`.

    Returns:
        `images_per_second`, and `gpu_gib`: peak memory of one GPU, 0 without a GPU.

    Raises:
        DataError: A batch is larger than the training set.
    """
    config, _ = read_arguments(arguments)
    load_tensorflow(config.trainer)
    from ..callbacks.memory import memory_gib
    from .build import build_data, build_module, build_trainer

    data = build_data(config)
    if data.train.num_examples < config.data.batch_size:
        raise DataError(
            message(
                "A batch must not be larger than the training set.",
                images=data.train.num_examples,
                batch_size=config.data.batch_size,
            )
        )
    trainer = build_trainer(
        config,
        None,
        callbacks=[],
        feature_cache="off",
        max_epochs=2,
        limit_train_batches=STEPS,
        limit_val_batches=1,
        max_steps=None,
        overfit_batches=None,
        fast_dev_run=False,
        export=False,
    )
    history = trainer.fit(build_module(config, data), data).history
    gpus = [gib for name, gib in memory_gib().items() if name.startswith("gpu")]
    return {
        "images_per_second": history["images_per_second"][-1],
        "gpu_gib": max(gpus, default=0.0),
    }


def main() -> int:
    """Prints the measurements as a line of JSON; returns the exit code."""
    try:
        show(json.dumps(measure(sys.argv[1:])))
    except KeraunosError as error:
        notify(str(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
