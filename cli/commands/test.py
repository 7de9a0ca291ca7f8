"""`keraunos test`: score a run's best model."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..console import notify
from ..run_directories import read_run_config
from ..scores import show_scores
from ..tensorflow import load_tensorflow
from ..untrusted import is_elsewhere

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")]


def test(
    run: RunArgument,
    split: Annotated[
        Literal["test", "validation"], typer.Option(help="Which pictures.")
    ] = "test",
) -> None:
    """Score a run's best model on its test or validation pictures."""
    config = read_run_config(run)
    load_tensorflow(config.trainer)
    from ...core.errors import ConfigError, message
    from ...trainer import Trainer
    from ..build import build_data
    from ..saved_model import load_model

    if config.cache_dir is not None and is_elsewhere(config.cache_dir, run):
        notify(
            f"cache: your own, as the run names {config.cache_dir}, which is no cache yet"
        )
        config = config.model_copy(update={"cache_dir": None})
    data = build_data(config)
    chosen = getattr(data, split)
    if chosen is None:
        raise ConfigError(
            message(
                f"The run must have a {split} split.",
                f"Its configuration names no folder as data.{split}.",
                run=str(run),
            )
        )
    # Scores of validation pictures are shown, but never take the place of test.json.
    trainer = Trainer(run_dir=run if split == "test" else None)
    show_scores(split, trainer.test(load_model(run, config), chosen).scores)
