"""Makes the directory of a trial with folds readable for `predict` and `test`."""

from pathlib import Path

from ..configs import RunConfig, to_yaml
from ..core.checked_files import write_checked_text
from ..core.run_layout import CONFIG_FILE


def write_config_of_folds(config: RunConfig, trial: Path) -> None:
    """Writes config.yaml of a trial, with the runs in its directory as folds.

    Args:
        config: The configuration of one fold.
        trial: The directory of the trial.
    """
    from .config_file import portable

    data = config.data.model_copy(update={"fold": None})
    whole = portable(config.model_copy(update={"data": data}))
    text = to_yaml(whole)
    path = trial / CONFIG_FILE
    if not path.exists() or path.read_text() != text:
        write_checked_text(path, text)
