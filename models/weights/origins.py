"""Finds the runs that the weights of a backbone come from."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...configs.weights import IMAGENET
from ...configs.yaml_file import parse_yaml
from ...core.errors import ConfigError
from ...core.files import read_text
from ...core.run_layout import CHECKPOINTS_FOLDER, CONFIG_FILE, MODEL_FILE
from .stored_array import UnreadableWeightsError


def run_of(path: Path) -> Path:
    """Returns the run directory of a model, a checkpoint or a file in a checkpoint.

    Returns any other path unchanged.
    """
    if path.name == MODEL_FILE:
        return path.parent
    checkpoint = path.parent if path.suffix == ".safetensors" else path
    is_checkpoint = checkpoint.parent.name == CHECKPOINTS_FOLDER
    return checkpoint.parent.parent if is_checkpoint else path


def runs_behind(weights: Path) -> Iterator[Path]:
    """Yields the run of weights, then the run of its initial weights, and so on.

    Args:
        weights: A run directory or a path in one; other paths have no runs.

    Raises:
        UnreadableWeightsError: The configuration of a run is damaged.
    """
    seen: set[Path] = set()
    while (run := run_of(weights).resolve()).is_dir() and run not in seen:
        seen.add(run)
        yield run
        earlier = model_section(run / CONFIG_FILE).get("weights")
        if earlier is None or earlier == IMAGENET:
            return
        weights = Path(str(earlier))


def model_section(file: Path) -> Mapping[str, Any]:
    """Reads the section `model` of a run's configuration; empty if there is none.

    Does not import anything that it refers to.

    Raises:
        UnreadableWeightsError: The file is damaged.
    """
    if not file.is_file():
        return {}
    try:
        content = parse_yaml(read_text(file), str(file)).content
    except (ConfigError, OSError, ValueError) as error:
        raise UnreadableWeightsError(f"{file.name} is damaged: {error}") from None
    model = content.get("model") if isinstance(content, Mapping) else None
    return model if isinstance(model, Mapping) else {}
