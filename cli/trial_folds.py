"""The directory of a trial over folds as one that `predict` and `test` can read."""

from pathlib import Path

from ..configs import RunConfig, to_yaml
from ..core.checked_files import write_checked_text
from ..core.run_layout import CONFIG_FILE


def write_config_of_folds(config: RunConfig, trial: Path) -> None:
    """Writes that the runs below a directory are folds of one configuration.

    Args:
        config: Of one of them.
        trial: The directory.
    """
    from .config_file import portable

    data = config.data.model_copy(update={"fold": None})
    whole = portable(config.model_copy(update={"data": data}))
    text = to_yaml(whole)
    path = trial / CONFIG_FILE
    if not path.exists() or path.read_text() != text:
        write_checked_text(path, text)
