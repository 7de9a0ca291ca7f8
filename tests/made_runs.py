"""Run directories made by hand, in any state, for tests of reading without TensorFlow."""

import functools
import json
from pathlib import Path
from typing import Any

from keraunos.configs import load_config, to_yaml
from keraunos.core.checked_files import write_checked_json, write_checked_text


@functools.cache
def _config(settings: tuple[str, ...]) -> str:
    return to_yaml(load_config(["classify"], settings))


def made_run(
    directory: Path,
    values: tuple[float, ...] = (),
    event: str | None = None,
    test: dict[str, Any] | None = None,
    settings: tuple[str, ...] = (),
) -> Path:
    """A run of the recipe classify.

    Args:
        directory: Where to make it.
        values: Balanced accuracy after each epoch.
        event: The kind of the last event.
        test: Scores on test images.
        settings: Changes to the recipe.
    """
    directory.mkdir(parents=True)
    write_checked_text(directory / "config.yaml", _config(settings))
    if values:
        lines = (
            {"epoch": n, "loss": 1.0, "val_balanced_accuracy": value, "seconds": 90.0}
            for n, value in enumerate(values, 1)
        )
        text = "".join(json.dumps(line) + "\n" for line in lines)
        write_checked_text(directory / "metrics.jsonl", text)
    if event is not None:
        (directory / "events.jsonl").write_text(json.dumps({"kind": event}) + "\n")
    if event == "end":
        (directory / "model.keras").touch()
    if test is not None:
        write_checked_json(directory / "test.json", test)
    return directory
